"""Database of an API process, whose clients take turns: many requests of one key delay no other key's.

Without it the connections go to whoever came first, and a client that sends hundreds of requests at once
makes all others wait until the last of these is answered.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import write_audit
from models.database import Database

present_client: ContextVar[Hashable] = ContextVar("present_client", default=None)
"""What tells the client of the present request from others, such as the hash of its key."""


class Turns:
    """A number of places, given to the clients that wait in turn, one request of each (round robin)."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, client: Hashable) -> AsyncIterator[None]:
        """Hold one place while the context is open, as soon as it is this client's turn."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, client: Hashable) -> None:
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._pass_on()  # it was granted just before
            raise

    def _pass_on(self) -> None:
        """Give a place that became free to the next request of the client whose turn it is."""
        while self._waiting:
            client, requests = self._waiting.popitem(last=False)
            granted = requests.popleft()
            if requests:
                self._waiting[client] = requests  # behind the others
            if not granted.done():
                granted.set_result(None)
                return
        self._free += 1


class FairDatabase(Database):
    """Database whose connections are given to the clients that wait in turn."""

    def __init__(self, url: str, *, pool: int = 10, statement_timeout: float | None = None) -> None:
        super().__init__(url, pool=pool, statement_timeout=statement_timeout)
        self._turns = Turns(pool)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Return a place, given to clients in turn."""
        return self._turns.turn(present_client.get())

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes, with its entries of the audit log. Raises ``DatabaseAway``."""
        async with super().writing() as connection:
            yield connection
            await write_audit(connection)
