"""Ceiling of queued jobs for callers without a limit of their own.

It bounds a program that submits without end. Unlike a limit of a caller it is not exact: jobs are counted at
intervals, and what this process has inserted since is added.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models.database import Database
from models.queries.callers import QueueRoom, count_queued

_RECOUNT = timedelta(minutes=1)
_RECOUNT_FULL = timedelta(seconds=1)


@dataclass(slots=True)
class _Seen:
    queued: int  #: when they were counted, and inserted since
    at: datetime


class QueueCeiling:
    """Counts the queued jobs of callers; ``limit`` 0: no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: dict[UUID, _Seen] = {}

    async def room(self, database: Database, caller_id: UUID, count: int, at: datetime) -> QueueRoom | None:
        """Return the room for ``count`` further jobs of a caller; ``None``: there is enough."""
        if not self._limit:
            return None
        seen = self._seen.get(caller_id)
        age = None if seen is None else at - seen.at
        if seen is None or age is None or age > _RECOUNT:
            seen = await self._recount(database, caller_id, at)
        if seen.queued + count > self._limit and at - seen.at > _RECOUNT_FULL:
            seen = await self._recount(database, caller_id, at)
        room = QueueRoom(self._limit, seen.queued)
        return room if room.left < count else None

    def add(self, caller_id: UUID, count: int) -> None:
        """Count jobs that were inserted."""
        if caller_id in self._seen:
            self._seen[caller_id].queued += count

    async def _recount(self, database: Database, caller_id: UUID, at: datetime) -> _Seen:
        async with database.reading() as connection:
            queued = await count_queued(connection, caller_id, most=self._limit)
        seen = self._seen[caller_id] = _Seen(queued, at)
        return seen
