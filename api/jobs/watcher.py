"""Long polling: wait for changes of jobs, with one query for all waiters."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.errors import DatabaseAway
from models.queries.jobs import statuses_of
from models.states import FINAL, JobStatus
from worker.cancellation import cancel_and_wait
from worker.process.log_context import create_detached_task

SETTLED = FINAL | {JobStatus.HELD, JobStatus.AWAITING_INPUT}
"""States that a job leaves only by a request of its caller: waiting any longer is useless."""

JobChange = tuple[int, str]  #: revision and status
_INTERVAL = 0.1  # seconds between queries
_ERROR_PAUSE = 1.0  # further seconds after a database error
_BATCH = 1000  # ids in one query
_log = structlog.get_logger()


class Watcher:
    """Polls revision and status of all watched jobs in one query, and only while there are waiters."""

    def __init__(self, database: Database, *, interval: float = _INTERVAL) -> None:
        self._database, self._interval = database, interval
        self._waiters: dict[UUID, set[asyncio.Future[JobChange | None]]] = {}
        self._conditions: dict[asyncio.Future[JobChange | None], Callable[[JobChange], bool]] = {}
        self._task: asyncio.Task[None] | None = None
        self.released = False

    async def wait_for(
        self, job_id: UUID, condition: Callable[[JobChange], bool], *, timeout: float
    ) -> JobChange | None:
        """Return the first state of a job that meets a condition, or ``None`` after ``timeout`` seconds.

        Returns ``None`` at once after ``release_waiters``.
        """
        if self.released:
            return None
        future: asyncio.Future[JobChange | None] = asyncio.get_running_loop().create_future()
        self._conditions[future] = condition
        self._waiters.setdefault(job_id, set()).add(future)
        if self._task is None or self._task.done():
            self._task = create_detached_task(self._poll(), name="watcher")
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._conditions[future]
            waiters = self._waiters[job_id]
            waiters.remove(future)
            if not waiters:
                del self._waiters[job_id]

    def release_waiters(self) -> None:
        """End all waits, now and from now on: the process shuts down."""
        self.released = True
        for future in self._conditions:
            if not future.done():
                future.set_result(None)

    async def close(self) -> None:
        """Stop polling."""
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _poll(self) -> None:
        while self._waiters:
            try:
                await self._read_changes()
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("could not read the status of watched jobs", error=str(error))
                await asyncio.sleep(_ERROR_PAUSE)
            await asyncio.sleep(self._interval)

    async def _read_changes(self) -> None:
        ids = list(self._waiters)
        for start in range(0, len(ids), _BATCH):
            async with self._database.reading() as connection:
                found = await statuses_of(connection, ids[start : start + _BATCH])
            for job_id, change in found.items():
                for future in self._waiters.get(job_id, ()):
                    if not future.done() and self._conditions[future](change):
                        future.set_result(change)


def is_settled(change: JobChange) -> bool:
    """Return whether a job leaves its state only by a request of its caller."""
    return change[1] in SETTLED


def newer_than(revision: int) -> Callable[[JobChange], bool]:
    """Return the condition that a job is newer than a revision."""
    return lambda change: change[0] > revision
