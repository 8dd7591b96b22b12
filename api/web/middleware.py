"""What every request passes first: an id, a limit on its body, a count, and a net for what nobody caught."""

import re
from collections.abc import Callable, Sequence
from secrets import token_hex
from time import perf_counter

import structlog
from prometheus_client import Counter, Histogram
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.intake import Intake
from api.web.problems import Problem, problem_answer, translated

_requests = Counter("darkroom_requests", "Requests answered", ["method", "route", "status"])
_seconds = Histogram("darkroom_request_seconds", "Seconds until a request was answered", ["route"])
_log = structlog.get_logger()
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_PATIENCE = 10.0  # seconds that a client may stop in the middle of a body that nobody wants


Tongue = tuple[Callable[[str], bool], Callable[[Problem, str], Response]]
"""Which paths a surface answers in its own words, and how it writes a problem with the request's id."""


class FrontDoor:
    """The outermost part of the app. ``tongues`` are those of surfaces that do not answer with problems."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: int,
        tongues: Sequence[Tongue] = (),
        patience: float = _PATIENCE,
    ) -> None:
        self._app, self._limit, self._tongues = app, body_limit, tuple(tongues)
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["darkroom.request_id"] = request_id
        body = Intake(scope, receive, limit=self._limit, patience=self._patience)
        answer = _Answer(send, request_id, body)
        begun = perf_counter()
        try:
            body.check()
            await self._app(scope, body, answer)
        except Problem as problem:
            await self._written(problem, scope)(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the edge: whatever broke, the caller gets an answer
            _log.exception("a request broke", request_id=request_id, path=scope["path"])
            if not answer.status:
                await self._written(translated(error), scope)(scope, receive, answer)
        finally:
            _count(scope, answer.status, perf_counter() - begun)

    def _written(self, problem: Problem, scope: Scope) -> Response:
        request_id = scope["darkroom.request_id"]
        write = next((write for speaks, write in self._tongues if speaks(scope["path"])), problem_answer)
        return write(problem, request_id)


class _Answer:
    """Sends an answer with the request's id on it once the body is in, and remembers its status."""

    def __init__(self, send: Send, request_id: str, body: Intake) -> None:
        self._send, self._id, self._body, self.status = send, request_id.encode("ascii"), body, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self._id)]
            if not await self._body.finish():
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode("ascii") if _ID.fullmatch(given) else token_hex(8)


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count under the route's pattern: addresses themselves are without number."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(route).observe(seconds)
