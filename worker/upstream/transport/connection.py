"""HTTP connections to providers: one aiohttp session with a trace of each call, and httpx over it."""

import errno
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import SimpleNamespace

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from worker.upstream.transport_errors import STALE_WITHIN, TransportFailure

USER_AGENT = "darkroom"
_KEEPALIVE = 30.0  #: seconds that an idle connection is kept; common servers close after 60 to 75
_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # of httpx: the session has the context


@dataclass(slots=True)
class ConnectionTrace:
    """State of the connection of one call."""

    traced: bool = False  #: the request has begun, and its state is reported
    reused: bool = False  #: the connection served a call before
    sent: bool = False  #: at least one byte may have been sent


def open_session(
    *, limit: int, middlewares: Sequence[aiohttp.ClientMiddlewareType] = ()
) -> aiohttp.ClientSession:
    """Return the session of provider calls with at most ``limit`` connections at once; needs a running loop.

    It ignores proxies of the environment, stores no cookies, and sends no header of its own but ``Host`` and
    those that describe the body. A request's ``trace_request_ctx`` is its ``ConnectionTrace``.
    """
    connector = aiohttp.TCPConnector(
        limit=limit, ssl=httpx.create_ssl_context(), keepalive_timeout=_KEEPALIVE, ttl_dns_cache=30
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_trace_config()],
        middlewares=middlewares,
        skip_auto_headers=("User-Agent",),
    )


def open_client(session: aiohttp.ClientSession) -> httpx.AsyncClient:
    """Return an HTTP client over the session, which it closes.

    It follows no redirects (they would leak the API key), and leaves all timeouts but the one to connect to
    the caller.
    """
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session, verify=_UNUSED, trust_env=False),
        timeout=httpx.Timeout(None, connect=10.0),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": USER_AGENT},
    )


def failure_of(error: Exception, trace: ConnectionTrace, elapsed: float) -> TransportFailure:
    """Return the failure behind an exception of the session; it says whether anything was sent."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return TransportFailure.DNS_ERROR
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TransportFailure.CONNECT_TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorError):
        return TransportFailure.CONNECT_ERROR
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return TransportFailure.UNSENDABLE
    return _failure_of_traced(error, trace, elapsed) if trace.traced else TransportFailure.CONNECTION_RESET


def _failure_of_traced(error: Exception, trace: ConnectionTrace, elapsed: float) -> TransportFailure:
    if not trace.sent:
        return TransportFailure.CONNECT_ERROR
    if "write request body" in str(error):
        return TransportFailure.WRITE_ERROR
    if isinstance(error, TimeoutError):
        return TransportFailure.READ_TIMEOUT
    disconnected = isinstance(
        error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError
    )
    reset = not isinstance(error, OSError) or error.errno in (None, errno.ECONNRESET, errno.EPIPE)
    if disconnected and reset and trace.reused and elapsed < STALE_WITHIN:
        return TransportFailure.STALE_CONNECTION
    return TransportFailure.CONNECTION_RESET


def _trace_config() -> aiohttp.TraceConfig:
    """Return an aiohttp configuration that records the connection in the trace of its request."""
    config = aiohttp.TraceConfig()

    async def started(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if trace := context.trace_request_ctx:
            trace.traced = True

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if trace := context.trace_request_ctx:
            trace.reused = True

    async def sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if trace := context.trace_request_ctx:
            trace.sent = True

    config.on_request_start.append(started)
    config.on_connection_reuseconn.append(reused)
    config.on_request_headers_sent.append(sent)
    return config
