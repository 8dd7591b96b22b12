"""HTTP/1.1 protocol of the server, with limits that hold before a request reaches the application.

Uvicorn's protocol reads headers of any size for any time, and accepts any number of connections. Answers here
are problem documents, because no route, and so no surface, is known yet. A reverse proxy that buffers
requests (nginx does) enforces the same earlier; these limits hold without one.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import random
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.web.problems import Problem, problem_response
from api.web.referrer import REFERRER_POLICY

_LINGER = 1.0  # seconds in which a refused client may still send: closing at once could discard the response
_LOG_INTERVAL = 60.0  # seconds between log lines about refused connections
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one process. Times are in seconds, sizes in bytes."""

    connections: int  #: open at once
    connections_per_address: int  #: of one client address; 0: no limit
    head_size: int = 64 * 1024  #: request line and headers
    header_count: int = 100
    head_timeout: float = (
        15.0  #: from the first byte of a request, or of a connection, to the end of its headers
    )
    body_timeout: float = 30.0  #: for the body, besides the time that it takes at ``body_rate``
    body_rate: int = 16 * 1024  #: bytes per second


@dataclass(slots=True)
class OpenConnections:
    """Connections of one process, by client address."""

    limits: HttpLimits
    by_address: Counter[str] = field(default_factory=Counter)
    logged_at: float = float("-inf")

    def refusal(self, address: str) -> Problem | None:
        """Return why another connection of an address is refused."""
        if self.by_address.total() >= self.limits.connections:
            detail = f"{self.limits.connections} connections are open; try again soon. The operator raises "
            return _overload(detail + "DARKROOM_CONNECTIONS, and the limit of open files with it.")
        most = self.limits.connections_per_address
        if most and self.by_address[address] >= most:
            detail = (
                f"{most} connections from {address} are open; close some, or share them. Behind a reverse "
            )
            return _overload(detail + "proxy the operator sets DARKROOM_CONNECTIONS_PER_ADDRESS to 0.")
        return None


def _spread(seconds: float) -> float:
    """Return a time that is up to a tenth longer: connections that began together do not end together."""
    return seconds * (1 + random() / 10)


def _overload(detail: str) -> Problem:
    return Problem(503, "too_many_connections", detail, headers={"Retry-After": "5"})


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection: bounded headers, and bounded times for headers and body."""

    def __init__(self, *args: Any, opened: OpenConnections, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opened, self._limits = opened, opened.limits
        self._address = ""  #: under which the connection is counted; empty: it is not
        self._timer: asyncio.TimerHandle | None = None
        self._in_head, self._head_size, self._header_count = True, 0, 0
        self._body_start, self._body_size = 0.0, 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, or refuse it."""
        super().connection_made(transport)
        address = self.client[0] if self.client else "unix"
        if problem := self._opened.refusal(address):
            now = self.loop.time()
            if now - self._opened.logged_at >= _LOG_INTERVAL:
                self._opened.logged_at = now
                _log.warning("connections are refused", address=address, why=problem.detail)
            self._refuse(problem)
            return
        self._address = address
        self._opened.by_address[address] += 1
        self._timer = self.loop.call_later(_spread(self._limits.head_timeout), self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self._stop_timer()
        if self._address:
            self._opened.by_address[self._address] -= 1
            if not self._opened.by_address[self._address]:
                del self._opened.by_address[self._address]
            self._address = ""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes; those of a refused client are discarded."""
        if self._refused:
            return
        if self._in_head:
            self._head_size += len(data)
            if self._timer is None:  # the first bytes of a further request
                self._timer = self.loop.call_later(_spread(self._limits.head_timeout), self._end_head)
        super().data_received(data)
        if self._in_head and self._head_size > self._limits.head_size:
            self._refuse(self._large_head())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._header_count += 1
        if self._header_count <= self._limits.header_count:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large."""
        self._stop_timer()
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.head_size or self._header_count > self._limits.header_count:
            self._refuse(self._large_head())
            return
        self._body_start, self._body_size = self.loop.time(), 0
        self._timer = self.loop.call_later(self._limits.body_timeout, self._end_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count a part of the body."""
        if not self._refused:
            self._body_size += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._stop_timer()
        self._in_head, self._head_size, self._header_count = True, 0, 0
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request."""
        self._refuse(Problem(400, "malformed_request", msg))

    def _large_head(self) -> Problem:
        most, count = self._limits.head_size, self._limits.header_count
        detail = f"The request line and headers may have {most:,} bytes and {count} headers."
        return Problem(431, "headers_too_large", detail)

    def _end_head(self) -> None:
        if not self._head_size:  # an idle connection
            self.transport.close()
            return
        most = self._limits.head_timeout
        self._refuse(Problem(408, "request_timeout", f"The headers did not arrive within {most:g} seconds."))

    def _end_body(self) -> None:
        """End a request whose body is late; one that the application does not read yet gets more time."""
        limits, now = self._limits, self.loop.time()
        if self.flow.read_paused:
            self._body_start = now
        left = self._body_start + limits.body_timeout + self._body_size / limits.body_rate - now
        if left > 0:
            self._timer = self.loop.call_later(left, self._end_body)
            return
        detail = f"The body arrived more slowly than {limits.body_rate:,} bytes per second; send it again."
        self._refuse(Problem(408, "request_timeout", detail))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, problem: Problem) -> None:
        """Send the problem, unless a response has begun, and close the connection."""
        self._refused = True
        self._stop_timer()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            response = problem_response(problem, "")
            headers = [*response.raw_headers, REFERRER_POLICY, (b"connection", b"close")]
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            status = b"HTTP/1.1 %d %b\r\n" % (problem.status, _REASONS[problem.status])
            self.transport.write(status + lines + b"\r\n" + response.body)
            self.transport.write_eof()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.loop.call_later(_LINGER, self.transport.close)


_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}
