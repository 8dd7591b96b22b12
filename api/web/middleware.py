"""ASGI middleware: request id, hosts, body limit, metrics, and a response for uncaught errors."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from time import perf_counter
from types import MappingProxyType

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.audit import end_audit
from api.access.cookies import without_cookies
from api.web.allowed_hosts import AllowedHosts
from api.web.body_budget import BodyBudget
from api.web.caching import KEYED, private_headers
from api.web.fair_start import FairStart
from api.web.problems import Problem, problem_of, problem_response
from api.web.referrer import REFERRER_POLICY
from api.web.request_body import BodyLimit, RequestBody
from models.operations.trace_context import traceparent_of
from worker.process.log_context import log_context

_requests = Counter("darkroom_requests", "Requests answered", ["method", "route", "status"])
_active = Gauge("darkroom_active_requests", "Requests that are being answered")
_seconds = Histogram("darkroom_request_seconds", "Seconds until a request was answered", ["route"])
_log = structlog.get_logger()
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_KEY_HEADERS = frozenset({b"authorization", b"mj-api-secret"})
_CLIENT_CLOSED = 499  # status of a request whose client went away, as nginx counts it
NO_LIMITS: Mapping[str, BodyLimit] = MappingProxyType({})
_DRAIN_TIMEOUT = 10.0  # seconds that a client may pause while its unread body is discarded


@dataclass(frozen=True, slots=True)
class ErrorFormat:
    """How a surface writes errors that occur outside its handlers."""

    applies_to: Callable[[str], bool]  #: whether a path belongs to the surface
    render: Callable[[Problem, str], Response]  #: of a problem and the request id


class RequestMiddleware:
    """Outermost ASGI middleware of the API.

    Only the dashboard sees cookies, and of them its session's alone: elsewhere a key in a header is the only
    permission. ``hosts``: those that requests may
    name; ``None``: any. ``body_limit``: bytes of one body, and of those of one caller together.
    ``error_formats`` are those of surfaces that do not answer with problem documents. ``file_limits``: of
    paths whose bodies go to the disk as they come, instead of ``body_limit``. ``drain_timeout``:
    seconds that a client may pause while the rest of its body is discarded.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: int,
        hosts: AllowedHosts | None = None,
        error_formats: Sequence[ErrorFormat] = (),
        file_limits: Mapping[str, BodyLimit] = NO_LIMITS,
        drain_timeout: float = _DRAIN_TIMEOUT,
    ) -> None:
        self._app, self._hosts, self._error_formats = app, hosts, tuple(error_formats)
        self._body_limit, self._drain_timeout = BodyLimit(body_limit), drain_timeout
        self._file_limits = file_limits
        self._budget = BodyBudget(body_limit)
        self._start = FairStart()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode("ascii") if _ID.fullmatch(given) else token_hex(8)
        scope["darkroom.request_id"] = request_id
        trace = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        with log_context(request_id=request_id), traceparent_of(trace):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._start.turn(_client_of(scope))
        scope["headers"] = without_cookies(scope)
        body = RequestBody(
            scope,
            receive,
            limit=self._file_limits.get(scope["path"], self._body_limit),
            budget=self._budget,
            drain_timeout=self._drain_timeout,
        )
        sender = _ResponseSender(send, scope, body)
        start = perf_counter()
        _active.inc()
        try:
            if self._hosts is not None:
                self._hosts.check(scope)
            body.check_declared()
            await self._app(scope, body, sender)
        except Problem as problem:
            await self._render(problem, scope)(scope, receive, sender)
        except ClientDisconnect:  # nobody reads a response
            sender.status = sender.status or _CLIENT_CLOSED
        except Exception as error:  # noqa: BLE001 - outermost handler: the client gets a response to any error
            _log.exception("a request failed", request_id=scope["darkroom.request_id"], path=scope["path"])
            if not sender.status:
                await self._render(problem_of(error), scope)(scope, receive, sender)
        finally:
            _active.dec()
            end_audit()
            body.release()
            _count(scope, sender.status, perf_counter() - start)

    def _render(self, problem: Problem, scope: Scope) -> Response:
        formats = (each.render for each in self._error_formats if each.applies_to(scope["path"]))
        return next(formats, problem_response)(problem, scope["darkroom.request_id"])


class _ResponseSender:
    """Adds request id and caching to a response, sends it once the body is drained, records its status."""

    def __init__(self, send: Send, scope: Scope, body: RequestBody) -> None:
        self._send, self._scope, self._body, self.status = send, scope, body, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [
                *message.get("headers", ()),
                (b"x-request-id", self._scope["darkroom.request_id"].encode("ascii")),
                REFERRER_POLICY,
            ]
            if self._scope.get(KEYED):
                headers = private_headers(headers)
            if not await self._body.drain():
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)


def _client_of(scope: Scope) -> bytes | str:
    """Return what tells the client of a request from others, before its key is checked."""
    for name, value in scope["headers"]:
        if name in _KEY_HEADERS:
            return bytes(value)
    return str(scope["client"][0]) if scope.get("client") else ""


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count a request under the pattern of its route: the number of paths is unbounded."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(route).observe(seconds)
