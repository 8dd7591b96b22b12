"""One look at the database for everybody who waits for a job."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.queries.jobs import statuses_of
from models.states import FINAL, JobStatus

SETTLED = FINAL | {JobStatus.HELD, JobStatus.AWAITING_INPUT}
"""Where a job stays until somebody acts: no use in waiting longer."""

JobChange = tuple[int, str]  #: revision and status
_EVERY = 0.1  # seconds between looks
_TROUBLED = 1.0  # seconds until the next look when the database failed
_BATCH = 1000  # ids in one query
_log = structlog.get_logger()


class Watcher:
    """Polls revision and status of all watched jobs in one query, and only while somebody watches."""

    def __init__(self, database: Database, *, every: float = _EVERY) -> None:
        self._database, self._every = database, every
        self._waiting: dict[UUID, set[asyncio.Future[JobChange | None]]] = {}
        self._wanted: dict[asyncio.Future[JobChange | None], Callable[[JobChange], bool]] = {}
        self._task: asyncio.Task[None] | None = None
        self.released = False

    async def wait_for(
        self, job_id: UUID, wanted: Callable[[JobChange], bool], *, timeout: float
    ) -> JobChange | None:
        """Return the first news of a job that is wanted, or ``None`` after ``timeout`` seconds.

        At once, after ``release``.
        """
        if self.released:
            return None
        future: asyncio.Future[JobChange | None] = asyncio.get_running_loop().create_future()
        self._wanted[future] = wanted
        self._waiting.setdefault(job_id, set()).add(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="watcher")
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return None
        finally:
            self._forget(job_id, future)

    def release_waiters(self) -> None:
        """Let everybody go who waits: the process is about to end."""
        self.released = True
        for future in self._wanted:
            if not future.done():
                future.set_result(None)

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _forget(self, job_id: UUID, future: asyncio.Future[JobChange | None]) -> None:
        self._wanted.pop(future, None)
        futures = self._waiting.get(job_id, set())
        futures.discard(future)
        if not futures:
            self._waiting.pop(job_id, None)

    async def _watch(self) -> None:
        while self._waiting:
            try:
                await self._read_changes()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("could not look after watched jobs", error=str(error))
                await asyncio.sleep(_TROUBLED)
            await asyncio.sleep(self._every)

    async def _read_changes(self) -> None:
        ids = list(self._waiting)
        for at in range(0, len(ids), _BATCH):
            async with self._database.reading() as connection:
                found = await statuses_of(connection, ids[at : at + _BATCH])
            for job_id, news in found.items():
                self._resolve(job_id, news)

    def _resolve(self, job_id: UUID, news: JobChange) -> None:
        for future in tuple(self._waiting.get(job_id, ())):
            if not future.done() and self._wanted[future](news):
                future.set_result(news)


def is_settled(news: JobChange) -> bool:
    """Tell whether a job stays where it is until somebody acts."""
    return news[1] in SETTLED


def newer_than(revision: int) -> Callable[[JobChange], bool]:
    """Return the wish for anything newer than a revision."""
    return lambda news: news[0] > revision
