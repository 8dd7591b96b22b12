"""Route doing nothing, the limit of the API: the same server and middleware."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from api.web.middleware import RequestMiddleware
from api.web.responses import JsonResponse

_ANSWER = b'{"id":"' + b"x" * 700 + b'"}'  # as long as a job


async def _accept(request: Request) -> JsonResponse:
    await request.body()
    return JsonResponse(_ANSWER, 202)


async def _read(request: Request) -> JsonResponse:
    return JsonResponse(_ANSWER)


def main() -> None:
    """Serve on the port of the command line until a signal."""
    routes = [
        Route("/v1/jobs", _accept, methods=["POST"]),
        Route("/v1/jobs/{id}", _read),
        Route("/healthz", _read),
    ]
    app = RequestMiddleware(Starlette(routes=routes), body_limit=2**26)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
