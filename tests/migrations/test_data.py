"""Upgrades of databases with data in them: nothing is lost, whichever revision a row was written at."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from migrations import synchronous, upgrade
from models.tables import Json, Utc, metadata
from tests.migrations.test_migrations import empty_url
from tests.migrations.test_rolling import REVISIONS

__all__ = ["empty_url"]  # a fixture
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
DERIVED = {"campaign_counts"}  # written by triggers
FIXED = {("jobs", "status"): "succeeded", ("campaign_items", "state"): "planned"}  # what triggers read

INDEXES = {
    *(("0004", name) for name in ("attempts", "jobs")),
    *(("0006", "jobs"), ("0007", "assets"), ("0013", "assets"), ("0015", "events"), ("0021", "assets")),
    *(("0012", name) for name in ("campaigns", "jobs")),
    *(("0016", "campaigns"), ("0019", "campaigns"), ("0023", "webhook_deliveries")),
    *(("0033", name) for name in ("assets", "campaign_items")),
    ("0035", "api_keys"),  # of few rows: milliseconds
}
"""Revisions and tables that take no writes while an index is built; a new revision adds none
of a table that grows: see ``migrations.online_indexes``."""


class Writer:
    """Writes one row into each table of a revision, with a value in every column that it has by then."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.written: dict[str, int] = {}

    def write(self, connection: sa.Connection) -> None:
        """Write the rows, those that others name first."""
        seen = sa.inspect(connection)
        present = {name: {each["name"] for each in seen.get_columns(name)} for name in seen.get_table_names()}
        rows: dict[str, Mapping[str, Any]] = {}
        for table in metadata.sorted_tables:
            if table.name in DERIVED or table.name not in present:
                continue
            row = {
                column.name: self._value(column, rows)
                for column in table.columns
                if column.name in present[table.name] and column.identity is None
            }
            rows[table.name] = row
            connection.execute(sa.insert(table).values(**row))
            self.written[table.name] = self.written.get(table.name, 0) + 1

    def _value(self, column: sa.Column[Any], rows: Mapping[str, Mapping[str, Any]]) -> Any:
        for key in column.foreign_keys:
            other = rows.get(key.column.table.name)
            return None if other is None else other[key.column.name]
        number, kind = next(self._numbers), column.type
        match kind:
            case sa.Uuid():
                return UUID(int=number)
            case sa.Boolean():
                return False
            case sa.Integer() | sa.Float() | sa.Numeric():
                return number
            case sa.LargeBinary():
                return number.to_bytes(32, "big")
            case Utc():
                return MOMENT
        if kind is Json or isinstance(kind, type(Json)):
            return {"n": number}
        return FIXED.get((column.table.name, column.name), f"text {number} 猫")


_LOCKS = """
SELECT c.relname, l.mode, pg_relation_filenode(c.oid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
_FILES = """
SELECT relname, pg_relation_filenode(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class LockRecorder:
    """Reads the lock modes that a revision holds on tables of the revision before, when it commits."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.rewritten: set[tuple[str, str]] = set()  #: revision and table
        self.blocking_writes: set[tuple[str, str]] = set()  #: for as long as an index takes to be built

    @contextmanager
    def during(self, revision: str) -> Iterator[None]:
        if self._engine.dialect.name != "postgresql":
            yield
            return
        with self._engine.connect() as connection:
            before = dict(map(tuple, connection.exec_driver_sql(_FILES).all()))

        def read(connection: sa.Connection) -> None:
            for table, mode, file in connection.exec_driver_sql(_LOCKS).all():
                if table in before and file != before[table]:
                    self.rewritten.add((revision, table))
                elif table in before and mode == "ShareLock":
                    self.blocking_writes.add((revision, table))

        sa.event.listen(sa.Engine, "commit", read)
        try:
            yield
        finally:
            sa.event.remove(sa.Engine, "commit", read)


@pytest.mark.slow(reason="thirty revisions, one by one")
def test_rows_that_were_written_at_each_revision_are_all_there_at_the_newest_and_no_table_was_rewritten(
    empty_url: str,
) -> None:
    engine = sa.create_engine(synchronous(empty_url))
    writer, locks = Writer(), LockRecorder(engine)
    try:
        for revision in REVISIONS:
            with locks.during(revision):
                upgrade(empty_url, revision)
            with engine.begin() as connection:
                writer.write(connection)
        with engine.connect() as connection:
            found = {
                table.name: len(connection.execute(table.select()).all())
                for table in metadata.sorted_tables
                if table.name not in DERIVED
            }
    finally:
        engine.dispose()
    lost = {name: count for name, count in writer.written.items() if found[name] < count}
    assert lost == {}
    assert found["jobs"] == found["attempts"] == len(REVISIONS)
    assert locks.rewritten == set()
    assert locks.blocking_writes <= INDEXES
