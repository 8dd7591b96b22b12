"""Event feed: hands new events of all jobs to streams, with one query for all of them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.errors import DatabaseAway
from models.queries.selection.event_feed import FeedFilter, last_number, list_numbered
from worker.cancellation import cancel_and_wait
from worker.process.log_context import create_detached_task

_INTERVAL = 0.2  # seconds between queries
_ERROR_PAUSE = 1.0  # further seconds after a database error
_BATCH = 1000  # events in one query
_GAP = 2.0  # seconds in which the transaction of a missing number may still be committed
_BACKLOG = 2000  # events that wait for one stream; it reads more than that from the database
_log = structlog.get_logger()
Events = Sequence[Row[Any]]


class Subscription:
    """New events of one stream. ``overflowed``: some were dropped; they are to be read from the database."""

    def __init__(self, chosen: FeedFilter, *, backlog: int = _BACKLOG) -> None:
        self.chosen, self.overflowed, self._backlog = chosen, False, backlog
        self._events: deque[Row[Any]] = deque()
        self._wake = asyncio.Event()

    def add(self, events: Events) -> None:
        """Add those of the events that the stream has."""
        self._events.extend(event for event in events if self.chosen.matches(event))
        if len(self._events) > self._backlog:
            self._events.clear()
            self.overflowed = True
        if self._events or self.overflowed:
            self._wake.set()

    def end(self) -> None:
        """Wake the stream: the process shuts down."""
        self._wake.set()

    async def take(self) -> Events:
        """Return the events that have come, once there is one."""
        await self._wake.wait()
        self._wake.clear()
        events = tuple(self._events)
        self._events.clear()
        return events


class EventFeed:
    """Reads new events while there are streams.

    Numbers are given before their transactions end, so a number may come after a higher one: where one is
    missing, what follows waits for it for ``_GAP`` seconds. A number that was rolled back never comes.
    """

    def __init__(
        self, database: Database, *, interval: float = _INTERVAL, timer: Callable[[], float] = monotonic
    ) -> None:
        self._database, self._interval, self._timer = database, interval, timer
        self._streams: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self._gaps: dict[int, float] = {}  # since when a number and those after it are missing
        self.head = 0  #: number up to which no further event will come
        self.released = False

    @asynccontextmanager
    async def subscribe(self, chosen: FeedFilter) -> AsyncIterator[Subscription]:
        """Hand events to a stream while the context is open; it starts after ``head``."""
        if self._task is None or self._task.done():
            async with self._database.reading() as connection:
                head = max(0, await last_number(connection) - _BATCH)
            if self._task is None or self._task.done():  # nobody else has started it meanwhile
                self.head, self._gaps = head, {}
                await self._advance()
                self._task = create_detached_task(self._poll(), name="event feed")
        stream = Subscription(chosen)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def release(self) -> None:
        """End all streams, now and from now on: the process shuts down."""
        self.released = True
        for stream in self._streams:
            stream.end()

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _poll(self) -> None:
        while self._streams:
            try:
                full = await self._advance()
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("could not read new events", error=str(error))
                full = False
                await asyncio.sleep(_ERROR_PAUSE)
            await asyncio.sleep(0 if full else self._interval)

    async def _advance(self) -> bool:
        """Hand on the next events; return whether there may be more of them now."""
        async with self._database.reading() as connection:
            sqlite = connection.dialect.name == "sqlite"  # one writer: numbers come in order
            rows = await list_numbered(connection, self.head, _BATCH)
        ready = rows if sqlite else rows[: self._without_gap([row.seq for row in rows])]
        if ready:
            self.head = ready[-1].seq
            for stream in self._streams:
                stream.add(ready)
        return len(ready) == _BATCH

    def _without_gap(self, numbers: Sequence[int]) -> int:
        """Return how many of the numbers can be handed on: those before a gap that may still be filled."""
        now, expected, gaps = self._timer(), self.head + 1, dict[int, float]()
        ready = len(numbers)
        for at, number in enumerate(numbers):
            if number != expected:
                gaps[expected] = since = self._gaps.get(expected, now)
                if now - since < _GAP:
                    ready = min(ready, at)
            expected = number + 1
        self._gaps = gaps
        return ready
