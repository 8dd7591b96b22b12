"""Months of events and attempts, where they have partitions: made ahead, and dropped once they are over.

Rows that the settings alone rule are left to the drop of their month, for a while. Those that a caller or
campaign has a rule for, and all rows of a month with a job that is kept (longer), are deleted one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from models.errors import DatabaseAway
from models.operations.retention import RetentionKind, Rules
from models.queries.operations.partitions import (
    TABLES,
    Partition,
    add_months,
    any_longer_rule,
    drop_partition,
    is_empty,
    is_over,
    list_partitions,
    settled_number,
)
from worker.retention.month_partitions import abandon_conversion

KINDS: Mapping[str, RetentionKind] = {
    "events": RetentionKind.EVENTS,
    "attempts": RetentionKind.ATTEMPTS,
}  #: by table
_GRACE = timedelta(days=7)  # a month waits for its last jobs; then its rows are deleted one by one
_EMPTY_AFTER = timedelta(days=31)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Months:
    """Months whose rows are left to their drop, by kind."""

    waiting: Mapping[RetentionKind, list[Partition]] = field(default_factory=dict)

    def wait(self, kind: RetentionKind, job_id: UUID) -> bool:
        """Return whether rows of a job are left to the drop of their month."""
        return any(
            each.low is not None and each.high is not None and each.low <= job_id < each.high
            for each in self.waiting.get(kind, ())
        )


async def prune_months(database: Database, rules: Rules, now: datetime) -> Months:
    """Make the months ahead, drop those that are over by the settings' rules; return those that will be.

    What the database does not allow now is tried again with the next walk.
    """
    waiting: dict[RetentionKind, list[Partition]] = {kind: [] for kind in KINDS.values()}
    if database.is_sqlite:
        return Months(waiting)
    try:
        await abandon_conversion(database, now)
        for table in TABLES:
            async with database.writing() as connection:
                if made := await add_months(connection, table, now):
                    _log.info("made partitions", partitions=made)
            async with database.reading() as connection:
                partitions = await list_partitions(connection, table)
            kind = KINDS[table.name]
            for each in partitions:
                if await _waits(database, each, kind, rules.get(kind), now):
                    waiting[kind].append(each)
    except (DatabaseAway, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip()[:300]
        _log.warning("partitions could not be changed; it is tried again", error=reason)
    return Months(waiting)


async def _waits(
    database: Database, partition: Partition, kind: RetentionKind, period: timedelta | None, now: datetime
) -> bool:
    """Drop a partition if it is over; return whether its rows are left to that, for it will be soon."""
    ends = partition.ends
    if ends is None:
        return False
    if await _is_droppable(database, partition, kind, period, now):
        async with database.writing() as connection:
            settled = await settled_number(connection)
        if await _is_droppable(database, partition, kind, period, now):
            async with database.writing() as connection:
                dropped = await drop_partition(connection, partition, settled)
            if dropped:
                _log.info("dropped a month that is over", partition=partition.name, bytes=partition.bytes)
                return False
    if period is None or partition.low is None or now >= ends + period + _GRACE:
        return False
    async with database.reading() as connection:
        return not await any_longer_rule(connection, partition, kind, period)


async def _is_droppable(
    database: Database, partition: Partition, kind: RetentionKind, period: timedelta | None, now: datetime
) -> bool:
    ends = partition.ends
    async with database.reading() as connection:
        if ends is None or ends >= now:
            return False
        if ends < now - _EMPTY_AFTER and await is_empty(connection, partition):
            return True
        if period is None or ends >= now - period:
            return False
        return await is_over(connection, partition, now - period) and not await any_longer_rule(
            connection, partition, kind, period
        )
