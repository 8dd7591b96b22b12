"""Routes of the midjourney-proxy API below any prefix, with error handling and CORS for all of them."""

from collections.abc import Awaitable, Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from api.midjourney.accounts import fetch_account, list_accounts
from api.midjourney.actions.blend import blend
from api.midjourney.actions.button_handlers import action, change, simple_change
from api.midjourney.actions.describe import describe, shorten
from api.midjourney.actions.edit import edits, retexture, swap_face
from api.midjourney.actions.imagine import imagine
from api.midjourney.actions.modal import modal
from api.midjourney.actions.upload import upload
from api.midjourney.actions.video import video
from api.midjourney.cancel import cancel
from api.midjourney.deduplication import DuplicateSubmit, replayed_response
from api.midjourney.responses import CORS, SubmitError, error_response, problem_response, submit_response
from api.midjourney.tasks import fetch, image, image_seed, list_by_ids, list_newest, list_queue, query_tasks
from api.web.problems import Problem, reported_problem
from models.midjourney.protocol import Code

Handler = Callable[[Request], Awaitable[Response]]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/submit/imagine", imagine),
    ("POST", "/submit/action", action),
    ("POST", "/submit/change", change),
    ("POST", "/submit/simple-change", simple_change),
    ("POST", "/submit/modal", modal),
    ("POST", "/submit/describe", describe),
    ("POST", "/submit/shorten", shorten),
    ("POST", "/submit/blend", blend),
    ("POST", "/submit/edits", edits),
    ("POST", "/submit/edit", edits),
    ("POST", "/submit/retexture", retexture),
    ("POST", "/submit/video", video),
    ("POST", "/submit/upload-discord-images", upload),
    ("POST", "/insight-face/swap", swap_face),
    ("GET", "/task/list", list_newest),
    ("GET", "/task/queue", list_queue),
    ("GET", "/queue", list_queue),
    ("POST", "/task/list-by-condition", list_by_ids),
    ("POST", "/task/list-by-ids", list_by_ids),
    ("POST", "/task/query", query_tasks),
    ("POST", "/task-admin/query", query_tasks),
    ("GET", "/task/{task_id}/fetch", fetch),
    ("POST", "/task/{task_id}/cancel", cancel),
    ("GET", "/task/{task_id}/image-seed", image_seed),
    ("GET", "/image/{task_id}", image),
    ("GET", "/account/list", list_accounts),
    ("GET", "/account/{account_id}/fetch", fetch_account),
)
"""Method, path behind the prefix, and handler."""


@cache
def midjourney_routes() -> list[BaseRoute]:
    """Return the routes of the API: below ``/mj``, and below any one segment before it.

    With two slashes, too: clients send them if their base URL ends with a slash.
    """
    routes = [_route(method, path, handler) for method, path, handler in ROUTES]
    inner = Router(routes, redirect_slashes=False, default=_not_found)
    docs = Route("/mj", _redirect_to_docs, methods=["GET"])
    prefixed = [Mount(path, inner) for path in ("/{mode}/mj", "//{mode}/mj", "/{mode}//mj")]
    return [*prefixed, docs, Mount("/mj", inner), Mount("//mj", inner)]


def is_midjourney(path: str) -> bool:
    """Return whether a path belongs to this API."""
    segments = path.lstrip("/").replace("//", "/").split("/")
    return "mj" in segments[:2] and segments[-1:] != ["mj"]


def render_problem(problem: Problem, request_id: str) -> Response:
    """Render a problem of the middleware, before any handler ran."""
    return problem_response(problem)


def with_error_responses(handler: Handler) -> Handler:
    """Wrap a handler: every exception becomes a response with an envelope."""

    async def respond(request: Request) -> Response:
        try:
            return await handler(request)
        except DuplicateSubmit as duplicate:
            return replayed_response(duplicate)
        except SubmitError as error:
            return error_response(error)
        except Exception as error:  # noqa: BLE001 - the API's edge: any failure becomes an envelope
            return problem_response(reported_problem(error, request.scope))

    return respond


def _route(method: str, path: str, handler: Handler) -> Route:
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    respond = with_error_responses(handler)

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request, allowed)
        if request.method not in allowed:
            description = f"This address takes {method}, not {request.method}."
            return submit_response(Code.INVALID, description, status=405)
        return await respond(request)

    return Route(path, endpoint, methods=list(_METHODS))


def _preflight(request: Request, allowed: tuple[str, ...]) -> Response:
    """Allow every origin and header: the API key in a header is the only permission."""
    requested = request.headers.get("access-control-request-headers", "*")
    headers = {
        **CORS,
        "Access-Control-Allow-Methods": ", ".join((*allowed, "OPTIONS")),
        "Access-Control-Allow-Headers": requested,
        "Access-Control-Max-Age": "86400",
        "Vary": "Access-Control-Request-Headers",
    }
    return Response(status_code=204, headers=headers)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    response = submit_response(Code.INVALID, "There is nothing at this address.", status=404)
    await response(scope, receive, send)


async def _redirect_to_docs(request: Request) -> Response:
    return RedirectResponse("docs")
