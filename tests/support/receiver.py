"""Webhook receiver on its own port that accepts, fails, hangs, stops and restarts."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True)
class ReceivedMessage:
    """One received message."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        """The decoded body."""
        payload: dict[str, Any] = orjson.loads(self.body)
        return payload

    @property
    def id(self) -> str:
        """The id by which a receiver detects duplicates."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers with what ``answers`` holds, in turn: a status, or a status and headers; then with 200."""

    messages: list[ReceivedMessage] = field(default_factory=list)
    responses: list[int | tuple[int, dict[str, str]]] = field(default_factory=list)
    hangs: asyncio.Event | None = None  #: while it is set to an event, answers wait for it
    stalls: bool = False  #: sends the head of an answer, and never its body
    port: int = 0
    _runner: web.AppRunner | None = None
    _reserved: socket.socket | None = None  #: holds the port while nothing listens there
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        """Types of the received messages, in order."""
        return [got.payload["type"] for got in self.messages]

    async def start(self) -> None:
        """Listen, again on the same port if it was there before."""
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def disappear(self) -> None:
        """Stop listening, and let nobody else listen on the port until ``start``."""
        await self.stop()
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", self.port))

    async def until(self, count: int, *, within: float = 10) -> None:
        """Wait until so many messages have arrived."""
        async with asyncio.timeout(within):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.messages.append(ReceivedMessage(request.path, headers, await request.read()))
        self._arrived.set()
        if self.hangs is not None:
            await self.hangs.wait()
        answer = self.responses.pop(0) if self.responses else 200
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        if self.stalls:
            begun = web.StreamResponse(status=status, headers={"Content-Length": "9"})
            await begun.prepare(request)
            await asyncio.sleep(60)
            return begun
        return web.Response(status=status, headers=more, text="thanks" if status < 300 else "no")
