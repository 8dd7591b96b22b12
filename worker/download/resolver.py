"""DNS resolver and socket factory under the SSRF guard: every address is checked right before use."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from aiohttp.abc import AbstractResolver, ResolveResult

from models.errors import ImageError
from worker.download.ssrf import AllowList, check_address

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]
_THREADS = 16


class GuardedResolver(AbstractResolver):
    """Checks the addresses that the connection then uses, so DNS rebinding between the two is impossible."""

    def __init__(
        self,
        allow: AllowList,
        *,
        inner: AbstractResolver | None = None,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._allow, self._timeout = allow, timeout
        self._inner = inner or PooledResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of ``host``. Raises ``ImageError`` if one of them is not public or allowed."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            message = f"The name {host!r} could not be looked up in time."
            raise ImageError("asset_timeout", message, retryable=True) from error
        for result in found:
            check_address(result["host"], host, self._allow)
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


class GuardedSocketFactory:
    """Creates sockets for checked addresses only.

    The last check for host names, and the only one for IP addresses in URLs: aiohttp resolves names only.
    """

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow

    def __call__(self, info: AddressInfo) -> socket.socket:
        """Return a socket to connect to ``info``. Raises ``ImageError``."""
        family, kind, protocol, _, address = info
        check_address(str(address[0]), str(address[0]), self._allow)
        return socket.socket(family, kind, protocol)


class PooledResolver(AbstractResolver):
    """System resolver in its own threads, so that slow lookups delay other lookups only.

    Raises ``OSError`` for unknown names.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return all addresses of ``host``."""

        def lookup() -> list[ResolveResult]:
            infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [_result(host, port, *info) for info in infos]

        return await asyncio.get_running_loop().run_in_executor(self._threads, lookup)

    async def close(self) -> None:
        """Stop the threads without waiting for lookups that hang."""
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
