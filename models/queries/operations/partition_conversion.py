"""Conversion of a table to partitions while the installation runs: no row is copied.

The table becomes the partition of all jobs until a month that has not begun. That its rows belong there is
checked first, by a constraint that readers and writers do not wait for; the exchange of the tables is one
transaction that changes the catalog only. Definitions are read from the catalog, whatever the revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import first_id
from models.operations.months import later_month, month_of
from models.queries.operations.partitions import AHEAD, DEFAULT, HISTORY, add_month, give_way

_MARGIN = timedelta(days=7)  # until a month begins that the table has no rows of: a conversion ends before
_LEFT_OVER = timedelta(days=3)  # then it can't be under way any more
_OWN = "partition_history"  # the constraint


async def is_partitioned(connection: AsyncConnection, table: Table) -> bool:
    """Return whether a table has partitions."""
    query = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:name)")
    return bool(await connection.scalar(query, {"name": table.name}))


def history_end(at: datetime) -> datetime:
    """Return the beginning of the first month that has a partition of its own, a week or more from now."""
    month = later_month(month_of(at))
    return month if month - at >= _MARGIN else later_month(month)


async def begin(connection: AsyncConnection, table: Table, end: datetime) -> None:
    """Refuse ids from ``end`` on. Until ``exchange`` or ``abandon``, which must come before that time."""
    await abandon(connection, table)
    check = f"CHECK (job_id < '{first_id(end)}') NOT VALID"
    await connection.execute(text(f"ALTER TABLE {table.name} ADD CONSTRAINT {_OWN} {check}"))


async def validate(connection: AsyncConnection, table: Table) -> None:
    """Check all rows; readers and writers go on meanwhile. Raises the database's error."""
    await connection.execute(text(f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {_OWN}"))


async def abandon(connection: AsyncConnection, table: Table) -> None:
    """Take back what ``begin`` did."""
    await give_way(connection)
    await connection.execute(text(f"ALTER TABLE {table.name} DROP CONSTRAINT IF EXISTS {_OWN}"))


async def is_left_over(connection: AsyncConnection, table: Table, at: datetime) -> bool:
    """Return whether a conversion that did not end soon refuses new rows: its command was killed."""
    query = text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = to_regclass(:name) AND conname = :own"
    )
    check = await connection.scalar(query, {"name": table.name, "own": _OWN})
    late = f"'{first_id(later_month(month_of(at)))}'"
    return check is not None and late in check and later_month(month_of(at)) - at < _LEFT_OVER


async def exchange(connection: AsyncConnection, table: Table, end: datetime, at: datetime) -> None:
    """Put a partitioned table in the place of this one, which becomes its first partition if it has rows.

    Readers and writers of jobs wait meanwhile: it changes the catalog only.
    """
    await give_way(connection)
    # jobs first, as all others do: the reference to it is exchanged, too. A weaker lock would deadlock with
    # transactions that have written to the table and go on with jobs
    await connection.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
    await connection.execute(text(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"))
    definition, name = await _read(connection, table), table.name
    history = f"{name}_{HISTORY}"
    for statement in definition.renames(history):
        await connection.exec_driver_sql(statement)
    await connection.execute(
        text(f"CREATE TABLE {name} (LIKE {history} INCLUDING DEFAULTS) PARTITION BY RANGE (job_id)")
    )
    for statement in definition.statements:
        await connection.exec_driver_sql(statement)
    if await connection.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {history})")):
        bound = f"FOR VALUES FROM (MINVALUE) TO ('{first_id(end)}')"
        await connection.execute(text(f"ALTER TABLE {name} ATTACH PARTITION {history} {bound}"))
        await connection.execute(text(f"ALTER TABLE {history} DROP CONSTRAINT {_OWN}"))
        first = end
    else:
        await connection.execute(text(f"DROP TABLE {history}"))
        first = month_of(at)
    await connection.execute(text(f"CREATE TABLE {name}_{DEFAULT} PARTITION OF {name} DEFAULT"))
    for count in range(AHEAD + 1):
        await add_month(connection, table, later_month(first, count))


async def analyze(connection: AsyncConnection, table: Table) -> None:
    """Renew the planner's statistics of the whole table, which autovacuum makes of partitions only."""
    await connection.execute(text(f"ANALYZE {table.name}"))


@dataclass(frozen=True, slots=True)
class _Definition:
    """What a table has besides its columns."""

    table: str
    indexes: Sequence[str]  # names, without those of constraints
    keys: Sequence[str]  # names of constraints with an index
    triggers: Sequence[str]  # names
    statements: Sequence[str]  # that make all of it again

    def renames(self, history: str) -> Sequence[str]:
        """Return the statements that give the old table, and what is in it, other names."""
        return [
            *(f"DROP TRIGGER {name} ON {self.table}" for name in self.triggers),
            *(f"ALTER TABLE {self.table} RENAME CONSTRAINT {name} TO {name}_{HISTORY}" for name in self.keys),
            *(f"ALTER INDEX {name} RENAME TO {name}_{HISTORY}" for name in self.indexes),
            f"ALTER TABLE {self.table} RENAME TO {history}",
        ]


async def _read(connection: AsyncConnection, table: Table) -> _Definition:
    async def rows(query: str) -> Sequence[Row[Any]]:
        return (await connection.execute(text(query), {"name": table.name})).all()

    constraints = await rows(
        "SELECT conname, contype IN ('p', 'u') AS keyed, pg_get_constraintdef(oid) AS made FROM pg_constraint"
        f" WHERE conrelid = to_regclass(:name) AND contype IN ('p', 'u', 'f', 'c') AND conname <> '{_OWN}'"
    )
    indexes = await rows(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) AS made FROM pg_index i JOIN pg_class c"
        " ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(:name)"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)"
    )
    triggers = await rows(
        "SELECT tgname, pg_get_triggerdef(oid) AS made FROM pg_trigger"
        " WHERE tgrelid = to_regclass(:name) AND NOT tgisinternal"
    )
    sequences = await rows(
        "SELECT d.objid::regclass::text AS name, a.attname AS column FROM pg_depend d JOIN pg_attribute a"
        " ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid JOIN pg_class c ON c.oid = d.objid"
        " WHERE d.refobjid = to_regclass(:name) AND d.deptype = 'a' AND c.relkind = 'S'"
        " AND d.classid = 'pg_class'::regclass"
    )
    grants = await rows(
        "SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS role"
        " FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE c.oid = to_regclass(:name) AND a.grantee <> c.relowner"
    )
    statements = [
        *(f"ALTER TABLE {table.name} ADD CONSTRAINT {row.conname} {row.made}" for row in constraints),
        *(row.made for row in indexes),
        *(row.made for row in triggers),
        *(f"ALTER SEQUENCE {row.name} OWNED BY {table.name}.{row.column}" for row in sequences),
        *(f"GRANT {row.privilege_type} ON {table.name} TO {row.role}" for row in grants),
    ]
    return _Definition(
        table.name,
        [row.relname for row in indexes],
        [row.conname for row in constraints if row.keyed],
        [row.tgname for row in triggers],
        statements,
    )
