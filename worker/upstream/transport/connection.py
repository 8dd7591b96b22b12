"""HTTP connections of provider calls: httpx over aiohttp, with a trace of each call."""

import errno
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import SimpleNamespace

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from worker.upstream.transport_errors import STALE_WITHIN, TransportFailure

_KEEPALIVE = 30.0  #: seconds that an idle connection is kept; common servers close after 60 to 75


@dataclass(slots=True)
class ConnectionTrace:
    """State of the connection of one call."""

    traced: bool = False  #: whether the transport reports its state
    reused: bool = False  #: the connection served a call before
    sent: bool = False  #: at least one byte may have been sent


CURRENT_TRACE: ContextVar[ConnectionTrace | None] = ContextVar("CURRENT", default=None)


def open_client(*, limit: int) -> httpx.AsyncClient:
    """Return an HTTP client for provider calls with at most ``limit`` connections at once.

    It ignores proxies of the environment, follows no redirects (they would leak the API key), stores no
    cookies, and leaves all timeouts but the one to connect to the caller.
    """

    def open_session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=limit, ssl=context, keepalive_timeout=_KEEPALIVE, ttl_dns_cache=30
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_trace_config()],
            skip_auto_headers=("User-Agent",),
        )

    context = httpx.create_ssl_context()
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=open_session, verify=context, trust_env=False),
        timeout=httpx.Timeout(None, connect=10.0),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": "darkroom"},
    )


def failure_of(error: Exception, trace: ConnectionTrace, elapsed: float) -> TransportFailure:
    """Return the failure behind an exception of the HTTP client; it says whether anything was sent.

    ``httpx-aiohttp`` reports a lost connection as a connect timeout, so its cause and the trace come first.
    """
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError | OSError) else error
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return TransportFailure.DNS_ERROR
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return TransportFailure.CONNECT_TIMEOUT
    if isinstance(cause, aiohttp.ClientConnectorError):
        return TransportFailure.CONNECT_ERROR
    if isinstance(cause, aiohttp.InvalidURL) or isinstance(
        error, httpx.InvalidURL | httpx.UnsupportedProtocol
    ):
        return TransportFailure.UNSENDABLE
    if trace.traced:
        return _failure_of_traced(cause, trace, elapsed)
    return _failure_of_httpx(error)


def _failure_of_traced(cause: BaseException, trace: ConnectionTrace, elapsed: float) -> TransportFailure:
    if not trace.sent:
        return TransportFailure.CONNECT_ERROR
    if "write request body" in str(cause):
        return TransportFailure.WRITE_ERROR
    if isinstance(cause, TimeoutError):
        return TransportFailure.READ_TIMEOUT
    disconnected = isinstance(
        cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError
    )
    reset = not isinstance(cause, OSError) or cause.errno in (None, errno.ECONNRESET, errno.EPIPE)
    if disconnected and reset and trace.reused and elapsed < STALE_WITHIN:
        return TransportFailure.STALE_CONNECTION
    return TransportFailure.CONNECTION_RESET


_HTTPX_FAILURES: tuple[tuple[type[Exception], TransportFailure], ...] = (
    (httpx.ConnectTimeout, TransportFailure.CONNECT_TIMEOUT),
    (httpx.PoolTimeout, TransportFailure.CONNECT_TIMEOUT),
    (httpx.ConnectError, TransportFailure.CONNECT_ERROR),
    (httpx.LocalProtocolError, TransportFailure.CONNECT_ERROR),
    (httpx.ProxyError, TransportFailure.CONNECT_ERROR),
    (httpx.WriteError, TransportFailure.WRITE_ERROR),
    (httpx.WriteTimeout, TransportFailure.WRITE_ERROR),
    (httpx.TimeoutException, TransportFailure.READ_TIMEOUT),
)


def _failure_of_httpx(error: Exception) -> TransportFailure:
    return next(
        (failure for kind, failure in _HTTPX_FAILURES if isinstance(error, kind)),
        TransportFailure.CONNECTION_RESET,
    )


def _trace_config() -> aiohttp.TraceConfig:
    """Return an aiohttp configuration that records the connection in the trace of the current call."""
    config = aiohttp.TraceConfig()

    async def started(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := CURRENT_TRACE.get():
            trace.traced = True

    async def reused(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := CURRENT_TRACE.get():
            trace.reused = True

    async def sent(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := CURRENT_TRACE.get():
            trace.sent = True

    config.on_request_start.append(started)
    config.on_connection_reuseconn.append(reused)
    config.on_request_headers_sent.append(sent)
    return config
