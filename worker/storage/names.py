"""Looking names up in threads of our own, so that a few that hang hold up nothing but other look-ups."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

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
