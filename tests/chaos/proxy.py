"""A small TCP proxy: a network that can be cut, or go mute in one direction."""

import asyncio
from contextlib import suppress

_CHUNK = 65536


class Proxy:
    """Passes bytes between whoever connects to ``port`` and one port of this machine.

    Everything but ``start`` may be called from other threads by way of ``loop.call_soon_threadsafe``.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._answering = asyncio.Event()
        self._answering.set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything and stop listening."""
        self.cut()
        if self._server:
            self._server.close()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Break all connections; new ones are broken, too, until it is mended."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()
        self._answering.set()

    def mute(self) -> None:
        """Let requests through, and no answers."""
        self._answering.clear()

    def mend(self) -> None:
        """Let everything through again. What was mute is cut: its answers never arrive."""
        if not self._answering.is_set():
            self.cut()
        self._cut = False

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        pumps = (
            asyncio.create_task(self._pump(reader, far_writer, None)),
            asyncio.create_task(self._pump(far_reader, writer, self._answering)),
        )
        try:
            with suppress(OSError):
                await asyncio.gather(*pumps)  # what breaks on one side breaks on the other
        finally:
            self._open -= {writer, far_writer}
            for each in (writer, far_writer):
                each.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if gate is not None:
                await gate.wait()
            if writer.transport.is_closing():
                return
            writer.write(chunk)
            await writer.drain()
        if not writer.transport.is_closing():
            writer.write_eof()
