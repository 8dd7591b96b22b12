"""Events of many jobs in the order of their numbers, for streams that can be resumed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.unreadable import readable
from models.queries.selection.job_filter import PARTS_ONLY, JobFilter, conditions
from models.tables import events, jobs

_COLUMNS = (*events.c, *(jobs.c[name] for name in ("caller_id", "surface", "campaign", "model", "tags")))
_NUMBERED = select(*_COLUMNS).join_from(events, jobs, jobs.c.id == events.c.job_id).order_by(events.c.seq)


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which events a stream has: of these callers (``None``: of all), of jobs that match.

    Of ``wanted``, the conditions on campaign, model, surface and tag count.
    """

    caller_ids: frozenset[UUID] | None
    wanted: JobFilter

    def matches(self, event: Row[Any]) -> bool:
        """Return whether an event is wanted; the same rule as that of ``list_feed``, on a row."""
        wanted = self.wanted
        if self.caller_ids is not None and event.caller_id not in self.caller_ids:
            return False
        if wanted.surface is None and not wanted.with_parts and event.surface == PARTS_ONLY:
            return False
        names = ("surface", "campaign", "model")
        values = [(getattr(event, name), getattr(wanted, name)) for name in names]
        if any(value is not None and value != given for given, value in values):
            return False
        return wanted.tag is None or (isinstance(event.tags, list) and wanted.tag in event.tags)


async def last_number(connection: AsyncConnection) -> int:
    """Return the highest number of an event; 0 without any."""
    return await connection.scalar(select(func.max(events.c.seq)).where(events.c.seq.is_not(None))) or 0


async def list_numbered(connection: AsyncConnection, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return the next events of all jobs by number."""
    query = _NUMBERED.where(events.c.seq > after, events.c.seq.is_not(None)).limit(limit)
    return readable(await connection.execute(query), "event")


async def list_feed(
    connection: AsyncConnection, chosen: FeedFilter, after: int, upto: int, limit: int
) -> Sequence[Row[Any]]:
    """Return the next events that a stream has, by number, up to ``upto``."""
    sqlite = connection.dialect.name == "sqlite"
    query = _NUMBERED.where(events.c.seq > after, events.c.seq <= upto, events.c.seq.is_not(None))
    query = query.where(*conditions(chosen.wanted, sqlite=sqlite)).limit(limit)
    if chosen.caller_ids is not None:
        query = query.where(jobs.c.caller_id.in_(chosen.caller_ids))
    return readable(await connection.execute(query), "event")


async def hold_number(connection: AsyncConnection, last: int) -> None:
    """Give the last event the number ``last`` again, after events were deleted.

    SQLite numbers events from the highest that is left: numbers that a stream has passed would be used again.
    The event with that number is sent once more.
    """
    if connection.dialect.name == "sqlite" and (left := await last_number(connection)) < last:
        await connection.execute(update(events).where(events.c.seq == left).values(seq=last))
