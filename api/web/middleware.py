"""What every request passes first: an id, a limit on its body, a count, and a net for what nobody caught."""

import asyncio
import re
from collections.abc import Callable, Sequence
from secrets import token_hex
from time import perf_counter

import structlog
from prometheus_client import Counter, Histogram
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.problems import Problem, problem_of, problem_response

# Receiving a request's body up to a limit, and throwing away what an early answer leaves of it.

_SPARE = 4  # times the limit is thrown away at most


class BodyLimiter:
    """Receives one request's body. ``patience``: seconds that a client may pause in what is thrown away."""

    def __init__(self, scope: Scope, receive: Receive, *, limit: int, drain_timeout: float) -> None:
        headers = dict(scope["headers"])
        self._receive, self._limit, self._patience = receive, limit, drain_timeout
        self._declared = _number(headers.get(b"content-length", b""))
        self._asks = headers.get(b"expect", b"").lower() == b"100-continue"
        self._whole = not self._declared and b"transfer-encoding" not in headers
        self._taken = 0

    async def __call__(self) -> Message:
        """Receive a piece. Raises the 413 problem for what goes beyond the limit, declared or not."""
        message = await self._next()
        if self._taken > self._limit:
            raise self._too_large()
        return message

    def check(self) -> None:
        """Raise the 413 problem for a body that says by itself that it is too large."""
        if self._declared > self._limit:
            raise self._too_large()

    async def finish(self) -> bool:
        """Throw away what is still to come of the body; tell whether that was all.

        Simple clients look for an answer only once they have sent all. If the connection ended before, they
        would see it break, and never learn why.
        """
        most = _SPARE * self._limit
        if not self._whole and (self._declared > most or (self._asks and not self._taken)):
            return False
        try:
            while not self._whole and self._taken <= most:
                async with asyncio.timeout(self._patience):
                    await self._next()
        except TimeoutError:
            return False
        return self._whole

    async def _next(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        return Problem(413, "body_too_large", f"The body is larger than {self._limit:,} bytes.")


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 20 else 0


_requests = Counter("darkroom_requests", "Requests answered", ["method", "route", "status"])
_seconds = Histogram("darkroom_request_seconds", "Seconds until a request was answered", ["route"])
_log = structlog.get_logger()
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_TIMEOUT = 10.0  # seconds that a client may stop in the middle of a body that nobody wants


ErrorFormat = tuple[Callable[[str], bool], Callable[[Problem, str], Response]]
"""Which paths a surface answers in its own words, and how it writes a problem with the request's id."""


class RequestMiddleware:
    """Outermost ASGI middleware. ``error_formats``: of surfaces that do not answer with problems."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: int,
        error_formats: Sequence[ErrorFormat] = (),
        drain_timeout: float = _TIMEOUT,
    ) -> None:
        self._app, self._limit, self._error_formats = app, body_limit, tuple(error_formats)
        self._patience = drain_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["darkroom.request_id"] = request_id
        body = BodyLimiter(scope, receive, limit=self._limit, drain_timeout=self._patience)
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
                await self._written(problem_of(error), scope)(scope, receive, answer)
        finally:
            _count(scope, answer.status, perf_counter() - begun)

    def _written(self, problem: Problem, scope: Scope) -> Response:
        request_id = scope["darkroom.request_id"]
        formats = (render for applies, render in self._error_formats if applies(scope["path"]))
        write = next(formats, problem_response)
        return write(problem, request_id)


class _Answer:
    """Sends an answer with the request's id on it once the body is in, and remembers its status."""

    def __init__(self, send: Send, request_id: str, body: BodyLimiter) -> None:
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
