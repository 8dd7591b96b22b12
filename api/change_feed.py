"""Change feed: tells open pages which topics have changed, with one query per second for all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.clock import Clock
from models.database import Database
from models.errors import DatabaseAway
from models.queries.dashboard.changes import Marks, callers_between, read_marks
from worker.cancellation import cancel_and_wait
from worker.process.log_context import create_detached_task

JOBS = "jobs"
TOPICS = frozenset({JOBS, "channels", "campaigns", "actions", "audit", "exports", "webhooks", "workers"})
_ALSO = {"worker_count": "workers", "job_actions": "actions"}  # marks that belong to a topic of another name
_INTERVAL = 1.0  # seconds between queries
_log = structlog.get_logger()


class ChangedTopics:
    """Topics that have changed for one page since it took them last; ``caller_id``: only whose jobs count."""

    def __init__(self, caller_id: UUID | None) -> None:
        self.caller_id = caller_id
        self._topics: set[str] = set()
        self._wake = asyncio.Event()

    def add(self, topics: set[str]) -> None:
        """Add topics."""
        self._topics |= topics
        if self._topics:
            self._wake.set()

    def end(self) -> None:
        """Wake the page's stream: the process shuts down."""
        self._wake.set()

    async def take(self, timeout: float) -> frozenset[str]:
        """Return what has changed, once there is something; nothing after ``timeout`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        self._wake.clear()
        topics, self._topics = frozenset(self._topics), set()
        return topics


class ChangeFeed:
    """Compares the newest of each topic with that of a second ago, while there are pages."""

    def __init__(self, database: Database, clock: Clock, *, interval: float = _INTERVAL) -> None:
        self._database, self._clock, self._interval = database, clock, interval
        self._pages: set[ChangedTopics] = set()
        self._task: asyncio.Task[None] | None = None
        self._marks: Marks | None = None
        self.as_of: datetime | None = None  #: when the database was last read; none: not yet
        self.released = False

    @asynccontextmanager
    async def subscribe(self, caller_id: UUID | None) -> AsyncIterator[ChangedTopics]:
        """Tell a page of changes while the context is open; of jobs those of a caller, or of all."""
        page = ChangedTopics(caller_id)
        self._pages.add(page)
        if self._task is None or self._task.done():
            self._marks = None
            self._task = create_detached_task(self._poll(), name="change feed")
        try:
            yield page
        finally:
            self._pages.discard(page)

    def release(self) -> None:
        """End all streams, now and from now on: the process shuts down."""
        self.released = True
        for page in self._pages:
            page.end()

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _poll(self) -> None:
        while self._pages:
            try:
                await self.read()
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("could not read what has changed", error=str(error))
            await asyncio.sleep(self._interval)

    async def read(self) -> None:
        """Read the newest of each topic, and tell the pages what differs."""
        async with self._database.reading() as connection:
            marks = await read_marks(connection)
            before, self._marks = self._marks, marks
            others = _changed(before, marks) if before else set()
            concerned: set[UUID] | None = None
            has_jobs = before is not None and marks.events != before.events
            if before is not None and has_jobs and any(page.caller_id for page in self._pages):
                concerned = set(await callers_between(connection, before.events, marks.events))
        self.as_of = self._clock()
        for page in self._pages:
            own = has_jobs and (page.caller_id is None or concerned is None or page.caller_id in concerned)
            page.add(others | ({JOBS} if own else set()))


def _changed(before: Marks, now: Marks) -> set[str]:
    return {_ALSO.get(name, name) for name, value in now.others.items() if value != before.others.get(name)}
