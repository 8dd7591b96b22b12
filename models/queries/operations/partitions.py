"""Monthly partitions of events and attempts on PostgreSQL, where an operator has asked for them.

They are split by the id of the job, a UUIDv7, which begins with the time of its submit. So the primary keys
(one event per job and revision, one attempt per job and number) hold over all partitions, what belongs to a
job is in one of them, and a query by job opens that one only. Ids of no partition are in the default one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from models.operations.months import ids_of, later_month, month_of, time_of
from models.operations.retention import RetentionKind, read_rules
from models.queries.selection.event_feed import last_number
from models.states import FINAL
from models.tables import attempts, callers, campaigns, events, jobs

TABLES: tuple[Table, ...] = (events, attempts)
AHEAD = 3  #: months that are made before they begin
HISTORY, DEFAULT = "history", "default"  #: ends of names: rows from before the conversion; of no month
_LOCK_TIMEOUT = "500ms"  # shorter than deadlock_timeout: it is this transaction that gives way
_BOUND = re.compile(r"FOR VALUES FROM \((?:'([0-9a-f-]+)'|MINVALUE)\) TO \('([0-9a-f-]+)'\)")
_FINAL = sorted(status.value for status in FINAL)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table: rows of jobs whose id is at least ``low`` and below ``high``.

    Without ``high`` it is the default one; without ``low``, the table from before the conversion.
    """

    table: str
    name: str
    low: UUID | None
    high: UUID | None
    bytes: int  #: with its indexes

    @property
    def begins(self) -> datetime | None:
        """Return the time of the first submit that it may have."""
        return None if self.low is None else time_of(self.low)

    @property
    def ends(self) -> datetime | None:
        """Return the time before which its jobs were submitted."""
        return None if self.high is None else time_of(self.high)

    def has(self, column: ColumnElement[UUID]) -> ColumnElement[bool]:
        """Return the condition that an id belongs to it. Not of the default partition."""
        below = column < self.high
        return below if self.low is None else and_(column >= self.low, below)


async def list_partitions(connection: AsyncConnection, table: Table) -> Sequence[Partition]:
    """Return the partitions of a table in their order, the default one last; none: it is not partitioned."""
    if connection.dialect.name != "postgresql":
        return []
    query = text(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), pg_total_relation_size(c.oid)"
        " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:name)"
    )
    found = [
        _partition(table.name, name, bound, size)
        for name, bound, size in await connection.execute(query, {"name": table.name})
    ]
    return sorted(found, key=lambda each: (each.high is None, each.high or UUID(int=0)))


def _partition(table: str, name: str, bound: str, size: int) -> Partition:
    match = _BOUND.fullmatch(bound)
    low, high = match.groups() if match else (None, None)
    return Partition(table, name, UUID(low) if low else None, UUID(high) if high else None, size)


async def give_way(connection: AsyncConnection) -> None:
    """Limit this transaction's waits for locks to half a second: what needs the table waits behind it."""
    await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))


async def add_months(connection: AsyncConnection, table: Table, at: datetime) -> Sequence[str]:
    """Make the partitions of this month and of the next ones that are missing; return their names.

    A month of which the default partition has rows stays there. Raises the database's error if a lock can't
    be had, or if the role does not own the table.
    """
    present = await list_partitions(connection, table)
    made: list[str] = []
    for count in range(AHEAD + 1 if present else 0):
        month = later_month(month_of(at), count)
        low, high = ids_of(month)
        if any(each.high is not None and each.high > low for each in present if (each.low or low) < high):
            continue
        if await _default_has(connection, present, low, high):
            continue
        made.append(await add_month(connection, table, month))
    return made


async def add_month(connection: AsyncConnection, table: Table, month: datetime) -> str:
    """Make the partition of one month; return its name.

    It is attached: ``PARTITION OF`` would hold up all reads and writes of the whole table.
    """
    name, (low, high) = f"{table.name}_{month:%Y_%m}", ids_of(month)
    await give_way(connection)
    await connection.execute(text(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS)"))
    bound = f"FOR VALUES FROM ('{low}') TO ('{high}')"
    await connection.execute(text(f"ALTER TABLE {table.name} ATTACH PARTITION {name} {bound}"))
    return name


async def _default_has(
    connection: AsyncConnection, present: Sequence[Partition], low: UUID, high: UUID
) -> bool:
    """Return whether the default partition has rows of these ids."""
    names = [each.name for each in present if each.high is None]
    query = "SELECT EXISTS (SELECT 1 FROM {} WHERE job_id >= :low AND job_id < :high)"
    for name in names:
        if await connection.scalar(text(query.format(name)), {"low": low, "high": high}):
            return True
    return False


async def settled_number(connection: AsyncConnection) -> int:
    """Return the highest number of an event, once each transaction that wrote a lower one has ended."""
    await give_way(connection)
    await connection.execute(text("LOCK TABLE ONLY events IN SHARE MODE"))
    return await last_number(connection)


async def is_over(connection: AsyncConnection, partition: Partition, before: datetime) -> bool:
    """Return whether all jobs of a partition had ended by then, and nothing of their calls is left to do.

    Calls with an archived response go once that is deleted; those whose reservation is open, by rows.
    """
    here = jobs.c
    open_ = or_(
        here.status.not_in(_FINAL),
        here.worker_id.is_not(None),
        here.finished_at.is_(None),
        here.finished_at >= before,
    )
    if await _any(connection, partition.has(here.id), open_):
        return False
    if partition.table != attempts.name:
        return True
    call = attempts.c
    left = or_(call.raw_key.is_not(None), and_(call.finished_at.is_(None), call.reserved_micro.is_not(None)))
    return not await _any(connection, partition.has(call.job_id), left)


async def is_empty(connection: AsyncConnection, partition: Partition) -> bool:
    """Return whether a partition has no row."""
    (table,) = (each for each in TABLES if each.name == partition.table)
    return not await _any(connection, partition.has(table.c.job_id))


async def any_longer_rule(
    connection: AsyncConnection, partition: Partition, kind: RetentionKind, period: timedelta
) -> bool:
    """Return whether a partition has kept jobs, or ones with a rule longer than ``period``."""

    def is_longer(stored: object) -> bool:
        own = read_rules(stored)
        return kind in own and ((each := own[kind]) is None or each > period)

    of_caller, of_campaign = callers.c, campaigns.c
    query = select(of_caller.id, of_caller.retention).where(of_caller.retention.is_not(None))
    keepers = [row.id for row in await connection.execute(query) if is_longer(row.retention)]
    planned = select(of_campaign.caller_id, of_campaign.name, of_campaign.retention)
    rows = await connection.execute(planned.where(of_campaign.retention.is_not(None)))
    pairs = [(row.caller_id, row.name) for row in rows if is_longer(row.retention)]
    in_range = partition.has(jobs.c.id)
    if await _any(connection, in_range, jobs.c.keep):
        return True
    if keepers and await _any(connection, in_range, jobs.c.caller_id.in_(keepers)):
        return True
    return bool(pairs) and await _any(
        connection, in_range, tuple_(jobs.c.caller_id, jobs.c.campaign).in_(pairs)
    )


async def drop_partition(connection: AsyncConnection, partition: Partition, settled: int) -> bool:
    """Drop a partition, unless one of its jobs is kept or has had an event since ``settled``; return whether.

    No job changes without an event but for ``set_keep``, which waits for these locks: so what was found then
    still holds, and they last for a moment.
    """
    await give_way(connection)
    await connection.execute(text("LOCK TABLE ONLY events, ONLY attempts IN ACCESS EXCLUSIVE MODE"))
    if await _any(connection, events.c.seq > settled, partition.has(events.c.job_id)):
        return False
    if await _any(connection, partition.has(jobs.c.id), jobs.c.keep) and not await is_empty(
        connection, partition
    ):
        return False
    await connection.execute(text(f"DROP TABLE {partition.name}"))
    return True


async def _any(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> bool:
    """Return whether a row meets the conditions."""
    return bool((await connection.execute(select(text("1")).where(*conditions).limit(1))).first())
