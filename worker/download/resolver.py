"""Names resolved once, and refused if any of their addresses is one we must not reach."""

import asyncio
import socket
from datetime import timedelta

from aiohttp.abc import AbstractResolver, ResolveResult

from models.errors import PictureError
from worker.download.ssrf import AllowList, check_address
from worker.storage.names import PooledResolver

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]


class GuardedResolver(AbstractResolver):
    """Checks the very addresses that the connection is then made to, so a name can't change in between."""

    def __init__(
        self,
        allow: AllowList,
        *,
        inner: AbstractResolver | None = None,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._allow, self._patience = allow, patience
        self._inner = inner or PooledResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of ``host``. Raises ``PictureError`` if one of them is not public."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            words = f"The name {host!r} could not be looked up in time."
            raise PictureError("asset_timeout", words, retryable=True) from error
        for result in found:
            check_address(result["host"], host, self._allow)
        return found

    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._inner.close()


class GuardedSockets:
    """Makes sockets for checked addresses only: the last look, and the only one at addresses in URLs.

    aiohttp does not ask a resolver about a host that is an address already.
    """

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow

    def __call__(self, info: AddressInfo) -> socket.socket:
        """Return a socket to connect to ``info``. Raises ``PictureError``."""
        family, kind, protocol, _, address = info
        check_address(str(address[0]), str(address[0]), self._allow)
        return socket.socket(family, kind, protocol)
