"""Group commit: many job updates in one transaction, so that the database is not the bottleneck."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from models.database import Database
from models.queries.transitions import Revisions
from worker.database_retry import retry_while_database_away
from worker.lifecycle import JobUpdate, commit
from worker.unwritable import described, problem_of, substitutes

_BATCH = 200
_GATHER, _GATHER_BUSY = 0.004, 0.016  # seconds to let other updates join a transaction
_BUSY = 8  # updates of a transaction from which on the next one waits longer
_log = structlog.get_logger()


class GroupCommit:
    """Commits the updates of all jobs of a worker together, in the order in which they came.

    While the database is away, updates are kept and written later: a result was paid for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[JobUpdate, asyncio.Future[bool]]] = []
        self._wake = asyncio.Event()
        self.webhooks_due = asyncio.Event()  #: set when due webhook deliveries were written
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether updates wait to be written."""
        return bool(self._waiting)

    def start(self) -> None:
        """Start writing."""
        self._task = asyncio.create_task(self._write_all(), name="writer")

    async def stop(self, timeout: float | None = None) -> int:
        """Write the waiting updates for ``timeout`` seconds at most, then stop; return how many are left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._waiting:
                    await asyncio.wait([written for _, written in self._waiting])
        if self._task:
            self._task.cancel()
        return len(self._waiting)

    async def write(self, update: JobUpdate) -> bool:
        """Commit an update; return whether its transition still held."""
        return await asyncio.shield(self.post(update))

    def post(self, update: JobUpdate) -> asyncio.Future[bool]:
        """Commit an update soon, without waiting for it."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((update, written))
        self._wake.set()
        return written

    async def _write_all(self) -> None:
        size = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_GATHER if size < _BUSY else _GATHER_BUSY)
            while self._waiting:
                batch = self._waiting[:_BATCH]
                await self._write(batch)
                del self._waiting[: len(batch)]
                size = len(batch)

    async def _write(self, batch: Sequence[tuple[JobUpdate, asyncio.Future[bool]]]) -> None:
        """Write a batch; if one update can't be written at all, the others are written without it."""
        try:
            revisions = await self._commit([update for update, _ in batch])
        except Exception as error:  # noqa: BLE001 - one bad update must not keep the results of the others
            if len(batch) > 1:
                for one in batch:
                    await self._write([one])
                return
            update, written = batch[0]
            try:
                await self._set_aside(update, error)
            except Exception:  # noqa: BLE001 - the writer must go on with the updates of the other jobs
                _log.exception(
                    "a change can't be written and its job could not be ended", **described(update)
                )
            if not written.done():
                written.set_result(False)
            return
        if revisions.webhooks_due:
            self.webhooks_due.set()
        for update, written in batch:
            if not written.done():
                written.set_result(update.holds(revisions))

    async def _set_aside(self, update: JobUpdate, error: Exception) -> None:
        """Log an update that no retry can write, and end its job with an explanation instead."""
        problem = problem_of(error)
        for instead in substitutes(update, problem):
            try:
                await self._commit([instead])
            except Exception as again:  # noqa: BLE001 - the next substitute writes less
                problem = f"{problem}; {problem_of(again)}"
            else:
                _log.error("a change can't be written; its job ends", problem=problem, **described(update))
                return
        _log.error("a change can't be written and is dropped", problem=problem, **described(update))

    async def _commit(self, updates: Sequence[JobUpdate]) -> Revisions:
        async def write() -> Revisions:
            async with self._database.writing() as connection:
                return await commit(connection, updates)

        return await retry_while_database_away("results could not be written, and are kept", write)
