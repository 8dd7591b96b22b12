"""Names resolved once, and refused if any of their addresses is one we must not reach."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from aiohttp.abc import AbstractResolver, ResolveResult

from models.errors import ImageError
from worker.download.ssrf import AllowList, check_address

# Looking names up in threads of our own, so that a few that hang hold up nothing but other look-ups.

_THREADS = 16


class PooledResolver(AbstractResolver):
    """Asks the system's resolver. Raises ``OSError`` for names that it does not know."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of ``host``."""

        def look_up() -> list[ResolveResult]:
            infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [_result(host, port, *info) for info in infos]

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    async def close(self) -> None:
        """Let the threads go; what hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(
    host: str,
    port: int,
    family: socket.AddressFamily,
    _kind: int,
    protocol: int,
    _name: str,
    address: tuple[object, ...],
) -> ResolveResult:
    scope = f"%{address[3]}" if len(address) > 3 and address[3] else ""
    return ResolveResult(
        hostname=host,
        host=f"{address[0]}{scope}",
        port=port,
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


AddressInfo = tuple[int, int, int, str, tuple[object, ...]]


class GuardedResolver(AbstractResolver):
    """Checks the very addresses that the connection is then made to, so a name can't change in between."""

    def __init__(
        self,
        allow: AllowList,
        *,
        inner: AbstractResolver | None = None,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._allow, self._patience = allow, timeout
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
            raise ImageError("asset_timeout", words, retryable=True) from error
        for result in found:
            check_address(result["host"], host, self._allow)
        return found

    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._inner.close()


class GuardedSocketFactory:
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
