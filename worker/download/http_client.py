"""HTTP clients for addresses that other people chose."""

from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from worker.download.resolver import GuardedResolver, GuardedSocketFactory
from worker.download.ssrf import AllowList

# Addresses sent byte for byte: a signed one is worthless once a client has written its escapes anew.

_ADDRESS: ContextVar[str] = ContextVar("_ADDRESS")


class ExactTransport(AiohttpTransport):
    """httpx over aiohttp, whose requests ask for the address as it was given.

    To be used with sessions that have ``keep_address`` among their middlewares.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        token = _ADDRESS.set(str(request.url))
        try:
            return await super().handle_async_request(request)
        finally:
            _ADDRESS.reset(token)


async def keep_url(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Undo what aiohttp did to the escapes of an address."""
    request.url = URL(_ADDRESS.get(), encoded=True)
    return await handler(request)


#: A client per process with this many connections; more downloads wait for a free one.
CONNECTIONS = 200


def open_download_client(
    allow: AllowList, limit: int = CONNECTIONS, *, resolver: AbstractResolver | None = None
) -> httpx.AsyncClient:
    """Open a client that reaches public and allowed addresses only, and remembers nothing between requests.

    No proxies or passwords from the environment, no cookies, no redirects. What it refuses raises
    ``PictureError`` (``asset_blocked_address``). ``resolver`` is for tests.
    """
    tls = httpx.create_ssl_context()

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
            middlewares=(keep_url,),
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )

    return httpx.AsyncClient(
        transport=ExactTransport(verify=tls, client=session),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )
