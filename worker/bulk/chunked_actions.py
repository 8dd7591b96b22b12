"""Runner of bulk actions: goes through the frozen objects of each in chunks, each one transaction.

Any worker claims an action for a while, and extends the claim with each chunk. The cursor of the action is
written with the changes of a chunk: after ``kill -9`` the next worker goes on where the last commit ended.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.ids import new_id
from worker.database_retry import run_forever
from worker.services import WorkerServices

CLAIM = timedelta(seconds=10)  #: after which another worker goes on
_PAUSE = 1.0  # seconds between rounds
_log = structlog.get_logger()


class ChunkedActions(ABC):
    """Runs rounds on a timer. ``freed`` is set when jobs were changed, so that a dispatch round follows."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event, freed: asyncio.Event) -> None:
        self._services, self._halt, self._freed = services, halt, freed
        self._claim_id = new_id()

    @property
    @abstractmethod
    def chunk(self) -> int:
        """Objects of one transaction."""

    @abstractmethod
    async def list_unclaimed(self, connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
        """Return the running actions that no worker goes through, the oldest first."""

    @abstractmethod
    async def claim(
        self, connection: AsyncConnection, key: UUID, claim_id: UUID, *, until: datetime, at: datetime
    ) -> bool:
        """Claim a running action, or extend the claim; ``False`` while another worker has it."""

    @abstractmethod
    async def release(self, connection: AsyncConnection, key: UUID, claim_id: UUID) -> None:
        """Release the claim of an action."""

    @abstractmethod
    async def run_chunk(self, connection: AsyncConnection, key: UUID, size: int, at: datetime) -> bool:
        """Go through the next objects, and write the cursor; return whether the action has ended."""

    @abstractmethod
    async def leave_unwritable(
        self, connection: AsyncConnection, key: UUID, error: Exception, at: datetime
    ) -> None:
        """Leave one object that no statement can change, so that the others go on."""

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="action runner")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Go through each running action that no other worker has claimed."""
        async with self._services.database.reading() as connection:
            unclaimed = await self.list_unclaimed(connection, self._services.clock())
        for key in unclaimed:
            try:
                await self._go_through(key)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - one broken action must not keep the others from going on
                _log.exception("a bulk action could not go on; it is tried again", action=str(key))

    async def _go_through(self, key: UUID) -> None:
        alone = 0  # objects that still are to be done one by one: one in their chunk can't be written
        while not self._halt.is_set() and await self._claim(key):
            at = self._services.clock()
            try:
                async with self._services.database.writing() as connection:
                    if await self.run_chunk(connection, key, 1 if alone else self.chunk, at):
                        return
                alone = max(alone - 1, 0)
            except (
                SQLAlchemyError,
                ValueError,
                TypeError,
            ) as error:  # of a row that can't be read or written
                if alone:
                    async with self._services.database.writing() as connection:
                        await self.leave_unwritable(connection, key, error, at)
                else:
                    alone = self.chunk
            self._freed.set()
        async with self._services.database.writing() as connection:
            await self.release(connection, key, self._claim_id)

    async def _claim(self, key: UUID) -> bool:
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            return await self.claim(connection, key, self._claim_id, until=at + CLAIM, at=at)
