"""The listening socket, which can be shut for a while: connections are refused then."""

import asyncio
from contextlib import suppress

from aiohttp import web

_BACKLOG = 4096  # a bench opens a thousand connections at once
_AGAIN = 0.05  # seconds until another try to listen, should somebody else have our port


class Door:
    """Listens for a runner."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host, self.port = runner, host, port
        self.opened = asyncio.Event()  #: set while it listens
        self._site: web.TCPSite | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen; port 0 becomes a free one. Raises ``OSError`` if the address can't be had."""
        site = web.TCPSite(self._runner, self._host, self.port, backlog=_BACKLOG)
        await site.start()
        self._site, self.port = site, int(self._runner.addresses[0][1])
        self.opened.set()

    async def shut(self, seconds: float) -> None:
        """Take no connections for a while; those that stand go on."""
        self.close()
        if self._site is not None and self.opened.is_set():
            self.opened.clear()
            await self._site.stop()
        self._reopening = asyncio.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while not self.opened.is_set():
            with suppress(OSError):
                await self.open()
                break
            await asyncio.sleep(_AGAIN)

    def close(self) -> None:
        """Stay as it is."""
        if self._reopening is not None:
            self._reopening.cancel()
