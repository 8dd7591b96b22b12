"""ASGI middleware: request id, body limit, metrics, and a response for uncaught errors."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from time import perf_counter

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.caching import KEYED, private_headers
from api.web.problems import Problem, problem_of, problem_response

_requests = Counter("darkroom_requests", "Requests answered", ["method", "route", "status"])
_seconds = Histogram("darkroom_request_seconds", "Seconds until a request was answered", ["route"])
_log = structlog.get_logger()
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_CLIENT_CLOSED = 499  # status of a request whose client went away, as nginx counts it
_DRAIN_FACTOR = 4  # an unread body is discarded up to this multiple of the limit
_DRAIN_TIMEOUT = 10.0  # seconds that a client may pause while its unread body is discarded


@dataclass(frozen=True, slots=True)
class ErrorFormat:
    """How a surface writes errors that occur outside its handlers."""

    applies_to: Callable[[str], bool]  #: whether a path belongs to the surface
    render: Callable[[Problem, str], Response]  #: of a problem and the request id


class RequestMiddleware:
    """Outermost ASGI middleware of the API.

    ``error_formats`` are those of surfaces that do not answer with problem documents. ``drain_timeout``:
    seconds that a client may pause while the rest of its body is discarded.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: int,
        error_formats: Sequence[ErrorFormat] = (),
        drain_timeout: float = _DRAIN_TIMEOUT,
    ) -> None:
        self._app, self._body_limit, self._error_formats = app, body_limit, tuple(error_formats)
        self._drain_timeout = drain_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode("ascii") if _ID.fullmatch(given) else token_hex(8)
        scope["darkroom.request_id"] = request_id
        body = BodyLimiter(scope, receive, limit=self._body_limit, drain_timeout=self._drain_timeout)
        sender = _ResponseSender(send, scope, body)
        start = perf_counter()
        try:
            body.check_declared()
            await self._app(scope, body, sender)
        except Problem as problem:
            await self._render(problem, scope)(scope, receive, sender)
        except ClientDisconnect:  # nobody reads a response
            sender.status = sender.status or _CLIENT_CLOSED
        except Exception as error:  # noqa: BLE001 - outermost handler: the client gets a response to any error
            _log.exception("a request failed", request_id=request_id, path=scope["path"])
            if not sender.status:
                await self._render(problem_of(error), scope)(scope, receive, sender)
        finally:
            _count(scope, sender.status, perf_counter() - start)

    def _render(self, problem: Problem, scope: Scope) -> Response:
        formats = (each.render for each in self._error_formats if each.applies_to(scope["path"]))
        return next(formats, problem_response)(problem, scope["darkroom.request_id"])


class BodyLimiter:
    """Receives the body of one request up to a limit, and discards what an early response leaves unread."""

    def __init__(self, scope: Scope, receive: Receive, *, limit: int, drain_timeout: float) -> None:
        headers = dict(scope["headers"])
        self._receive, self._limit, self._drain_timeout = receive, limit, drain_timeout
        length = headers.get(b"content-length", b"")
        self._declared = int(length) if length.isdigit() and len(length) < 20 else 0
        self._expects_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        self._complete = not self._declared and b"transfer-encoding" not in headers
        self._received = 0

    async def __call__(self) -> Message:
        """Receive a part of the body. Raises the 413 problem beyond the limit, whether declared or not."""
        message = await self._receive_part()
        if self._received > self._limit:
            raise self._too_large()
        return message

    def check_declared(self) -> None:
        """Raise the 413 problem if Content-Length exceeds the limit."""
        if self._declared > self._limit:
            raise self._too_large()

    async def drain(self) -> bool:
        """Discard the rest of the body. Returns whether it has been received completely.

        Simple clients read the response only once they have sent the whole body. If the connection ended
        before, they would see it break and never read the response.
        """
        most = _DRAIN_FACTOR * self._limit
        waits_for_continue = self._expects_continue and not self._received
        if not self._complete and (self._declared > most or waits_for_continue):
            return False
        try:
            while not self._complete and self._received <= most:
                async with asyncio.timeout(self._drain_timeout):
                    await self._receive_part()
        except TimeoutError:
            return False
        return self._complete

    async def _receive_part(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        return Problem(413, "body_too_large", f"The body is larger than {self._limit:,} bytes.")


class _ResponseSender:
    """Adds request id and caching to a response, sends it once the body is drained, records its status."""

    def __init__(self, send: Send, scope: Scope, body: BodyLimiter) -> None:
        self._send, self._scope, self._body, self.status = send, scope, body, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [
                *message.get("headers", ()),
                (b"x-request-id", self._scope["darkroom.request_id"].encode("ascii")),
            ]
            if self._scope.get(KEYED):
                headers = private_headers(headers)
            if not await self._body.drain():
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count a request under the pattern of its route: the number of paths is unbounded."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(route).observe(seconds)
