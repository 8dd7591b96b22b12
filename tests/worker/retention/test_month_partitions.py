"""Events and attempts of a running installation get monthly partitions; all rules of the tables stay."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import UniqueViolation

import migrations
from models.database import Database
from models.errors import DatabaseAway
from models.ids import first_id
from models.queries.operations.partition_conversion import begin, history_end
from models.queries.operations.partitions import TABLES, list_partitions
from models.tables import events
from tests.support.databases import PostgresCopies, sqlalchemy_url
from tests.support.postgres import client_programs
from worker.backup.database_copy import copy_database, restore_database
from worker.retention import month_partitions
from worker.retention.month_partitions import abandon_conversion, partition

AT = datetime(2026, 2, 10, tzinfo=UTC)
_JOB = (
    "INSERT INTO jobs (id, caller_id, status, created_at, updated_at, not_before, surface, revision,"
    " generation, model, prompt, request, tags, metadata, priority, max_attempts, on_unknown, backing_off,"
    " progress, attempts_used, store_tries) SELECT %s, id, 'queued', now(), now(), now(), 'rest', 1, 1,"
    " 'm', 'p', '{}', '[]', '{}', 5, 3, 'hold', false, 0, 0, 0 FROM callers LIMIT 1"
)
_EVENT = (
    "INSERT INTO events (job_id, revision, status, progress, at) VALUES (%s, %s, 'queued', 0, now())"
    " RETURNING seq"
)
_CALL = (
    "INSERT INTO attempts (job_id, number, generation, channel, worker_id, sent_at, billed, reserved_micro,"
    " currency) VALUES (%s, 7, 1, 'a', %s, now(), 'no', 40, 'USD')"
)
_FIRST_CALL = _CALL.replace("7", "1").replace("40", "0")
_CALLER = (
    "INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at)"
    " VALUES (%s, 'alice', %s, '', false, now())"
)
JANUARY, OTHER, MARCH = (first_id(datetime(2026, month, 5, tzinfo=UTC)) for month in (1, 2, 3))
NEVER = uuid4()


@pytest.fixture
def url(postgres_copies: PostgresCopies) -> Iterator[str]:
    """A database with jobs of January and February, each with an event and a call."""
    with postgres_copies.fresh() as address:
        with psycopg.connect(address) as connection:
            connection.execute(_CALLER.encode(), [uuid4(), b"x" * 32])
            for key in (JANUARY, OTHER):
                connection.execute(_JOB.encode(), [key])
                connection.execute(_EVENT.encode(), [key, 1])
                connection.execute(_FIRST_CALL, [key, uuid4()])
        yield address


async def names(database: Database) -> list[str]:
    async with database.reading() as connection:
        return [each.name for table in TABLES for each in await list_partitions(connection, table)]


def use(connection: psycopg.Connection, key: UUID) -> None:
    """Write an event and a call of a job; a second call of the same number is refused."""
    (newest,) = connection.execute("SELECT max(seq) FROM events").fetchone() or (None,)
    (number,) = connection.execute(_EVENT.encode(), [key, 9]).fetchone() or (None,)
    assert number > newest
    connection.execute(_CALL, [key, uuid4()])
    with pytest.raises(UniqueViolation):
        connection.execute(_CALL, [key, uuid4()])
    with pytest.raises(UniqueViolation):
        connection.execute(_EVENT.encode(), [key, 9])


async def test_a_filled_database_is_converted_and_keeps_its_rules_through_migrations_and_backups(
    url: str, postgres_copies: PostgresCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{client_programs()}:{os.environ['PATH']}")
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute("SELECT count(*), sum(seq) FROM events").fetchone()
        connection.execute("CREATE ROLE reader; GRANT SELECT ON events TO reader")
        database = Database(sqlalchemy_url(url))
        assert await partition(database, AT) == ["events", "attempts"]
        assert await partition(database, AT) == []
        months = ["history", "2026_03", "2026_04", "2026_05", "2026_06", "default"]
        assert await names(database) == [f"{table.name}_{each}" for table in TABLES for each in months]
        await database.close()

        assert connection.execute("SELECT count(*), sum(seq) FROM events").fetchone() == before
        assert connection.execute("SELECT has_table_privilege('reader', 'events', 'SELECT')").fetchone() == (
            True,
        )
        for key in (JANUARY, MARCH, NEVER):
            if key != JANUARY:
                connection.execute(_JOB.encode(), [key])
            use(connection, key)
        rows = "SELECT count(*) FROM {} WHERE job_id = '{}'"
        for part, key in (("history", JANUARY), ("2026_03", MARCH), ("default", NEVER)):
            for table in ("events", "attempts"):
                assert connection.execute(rows.format(f"{table}_{part}", key).encode()).fetchone() != (0,)
        assert connection.execute("SELECT sum(reserved) FROM spend").fetchone() == (120,)
        connection.execute("DELETE FROM attempts WHERE number = 7")
        assert connection.execute("SELECT sum(reserved) FROM spend").fetchone() == (0,)
        connection.execute("DELETE FROM jobs WHERE id = ANY(%s)", [[MARCH, NEVER]])
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (3,)

    address = sqlalchemy_url(url)
    revision = migrations.current(address)
    migrations.downgrade(address, "0017")
    migrations.upgrade(address)
    assert migrations.current(address) == revision
    file, _ = copy_database(url, tmp_path)
    with postgres_copies.fresh() as other:
        migrations.downgrade(sqlalchemy_url(other), "base")
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute("DROP TABLE alembic_version")
        restore_database(other, file)
        with psycopg.connect(other, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM events_history").fetchone() == (3,)
            connection.execute(_JOB.encode(), [MARCH])
            use(connection, MARCH)
        migrations.downgrade(sqlalchemy_url(other), "base")


async def test_a_conversion_that_fails_or_is_killed_leaves_the_table_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlalchemy_url(url))
    constraint = b"SELECT count(*) FROM pg_constraint WHERE conname = 'partition_history'"
    monkeypatch.setattr(month_partitions, "_TRIES", 1)
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as connection:
        async with database.writing() as own:
            await begin(own, events, history_end(AT))
        reader.execute("LOCK TABLE jobs IN ROW EXCLUSIVE MODE")
        with pytest.raises(DatabaseAway, match="lock"):
            await partition(database, AT)
        reader.rollback()
        assert connection.execute(constraint).fetchone() == (0,)

        async with database.writing() as own:
            await begin(own, events, history_end(AT))
        await abandon_conversion(database, AT + timedelta(days=10))
        assert connection.execute(constraint).fetchone() == (1,), "it may be under way"
        await abandon_conversion(database, datetime(2026, 2, 27, tzinfo=UTC))
        assert connection.execute(constraint).fetchone() == (0,)
        connection.execute("UPDATE events SET job_id = job_id")
    assert await names(database) == []
    await database.close()


@pytest.mark.parametrize(("day", "month"), [(1, 3), (20, 3), (25, 4)])
def test_the_first_month_begins_in_a_week_at_the_earliest(day: int, month: int) -> None:
    assert history_end(datetime(2026, 2, day, 12, tzinfo=UTC)) == datetime(2026, month, 1, tzinfo=UTC)
