"""Addresses sent byte for byte: a signed one is worthless once a client has written its escapes anew."""

from contextvars import ContextVar

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from yarl import URL

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


async def keep_address(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Undo what aiohttp did to the escapes of an address."""
    request.url = URL(_ADDRESS.get(), encoded=True)
    return await handler(request)
