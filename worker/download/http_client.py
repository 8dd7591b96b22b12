"""Guarded HTTP client: reaches public and allowed addresses only, and sends URLs byte for byte."""

from collections.abc import Sequence
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from worker.download.resolver import GuardedResolver, GuardedSocketFactory
from worker.download.ssrf import AllowList

#: Connections of one client. A process has one client; more downloads wait for a free connection.
CONNECTIONS = 200

_URL: ContextVar[str] = ContextVar("_URL")


def open_download_client(
    allow: AllowList,
    limit: int = CONNECTIONS,
    *,
    resolver: AbstractResolver | None = None,
    tls: SSLContext | None = None,
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
) -> httpx.AsyncClient:
    """Open a stateless client that reaches public and allowed addresses only.

    It uses no proxies or passwords from the environment, keeps no cookies and follows no redirects. A blocked
    address raises ``ImageError`` (``asset_blocked_address``). ``tls``: certificates that are trusted, if they
    were read before, which takes long. ``resolver`` is for tests.
    """
    tls = tls or httpx.create_ssl_context()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=limit,
            ssl=tls,
            resolver=GuardedResolver(allow, inner=resolver),
            socket_factory=GuardedSocketFactory(allow),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(*middlewares, keep_url),
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )

    return httpx.AsyncClient(
        transport=ExactTransport(verify=tls, client=session),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


class ExactTransport(AiohttpTransport):
    """HTTP transport that sends URLs unchanged, so that signatures stay valid.

    Its sessions need ``keep_url`` among their middlewares.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        token = _URL.set(str(request.url))
        try:
            return await super().handle_async_request(request)
        finally:
            _URL.reset(token)


async def keep_url(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Restore the URL of the request, whose escapes aiohttp has rewritten."""
    request.url = URL(_URL.get(), encoded=True)
    return await handler(request)
