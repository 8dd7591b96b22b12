"""TCP proxy: a network link that can be cut, or muted in one direction."""

import asyncio
from contextlib import suppress

_CHUNK = 65536


class Proxy:
    """Forwards connections to ``port`` to another port of this machine.

    Other threads call ``cut``, ``mute`` and ``repair`` by ``loop.call_soon_threadsafe``.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._responses_pass = asyncio.Event()
        self._responses_pass.set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut all connections and stop listening."""
        self.cut()
        if self._server:
            self._server.close()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Abort all connections, and new ones until ``repair``."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()
        self._responses_pass.set()

    def mute(self) -> None:
        """Forward requests, but no responses."""
        self._responses_pass.clear()

    def repair(self) -> None:
        """Forward everything again. Muted connections are cut: their responses never arrive."""
        if not self._responses_pass.is_set():
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
            asyncio.create_task(self._pump(far_reader, writer, self._responses_pass)),
        )
        try:
            with suppress(OSError):
                await asyncio.gather(*pumps)  # a broken side breaks the other one
        finally:
            self._open -= {writer, far_writer}
            for each in (writer, far_writer):
                each.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: asyncio.Event | None
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if passing is not None:
                await passing.wait()
            if writer.transport.is_closing():
                return
            writer.write(chunk)
            await writer.drain()
        if not writer.transport.is_closing():
            writer.write_eof()
