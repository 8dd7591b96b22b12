"""PgBouncer between Darkroom and PostgreSQL, in session and in transaction mode."""

import os
from collections.abc import Iterator
from signal import SIGTERM

import psycopg
import pytest
from sqlalchemy import text

from models.addresses.database import sqlalchemy_url
from models.database import Database
from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.deploy_tests import required
from tests.support.pgbouncer import PgBouncer, serve_pgbouncer
from tests.support.postgres import PostgresAddress
from tests.support.valkey import ValkeyAddress

pytestmark = pytest.mark.deploy
IDLE = "idle_in_transaction_session_timeout"
LIMIT = "statement_timeout"


@pytest.fixture
def empty_database(postgres: PostgresAddress) -> Iterator[str]:
    name = f"pooled_{os.getpid()}"  # other test processes use the same server
    postgres.execute(f"CREATE DATABASE {name}")
    yield name
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def one_connection(postgres: PostgresAddress) -> Iterator[PgBouncer]:
    """A pooler in transaction mode, all of whose clients share one connection to the server."""
    with serve_pgbouncer(required("pgbouncer"), postgres, mode="transaction", size=1) as pooler:
        yield pooler


@pytest.mark.slow(reason="a fleet starts and makes 40 calls, while the pooler is restarted")
@pytest.mark.parametrize(("mode", "size"), [("session", 60), ("transaction", 4)])
def test_a_fleet_runs_all_jobs_through_it_also_when_it_is_restarted(
    fleet_on: FleetOn,
    postgres: PostgresAddress,
    valkey: ValkeyAddress,
    empty_database: str,
    mode: str,
    size: int,
) -> None:
    with serve_pgbouncer(required("pgbouncer"), postgres, mode=mode, size=size) as pooler:
        valkey.flush()
        fleet = fleet_on(valkey.url, database_url=pooler.url(empty_database), apis=2, workers=2)
        fleet.client.submit(PROMPTS)
        fleet.practice.wait_finished(8)
        pooler.process.stop(SIGTERM)
        pooler.start()
        check_all_succeeded(fleet)
        logs = fleet.log_tails()
        assert "prepared statement" not in logs
        assert "unsupported startup parameter" not in logs


async def test_sessions_and_transactions_have_their_settings_whoever_had_the_connection_before(
    one_connection: PgBouncer,
) -> None:
    url = one_connection.url("postgres")
    database = Database(sqlalchemy_url(url), pool=2, statement_timeout=7)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
        for _ in range(8):  # more than psycopg's threshold of 5
            async with database.writing() as connection:
                assert await connection.scalar(text("SHOW timezone")) == "UTC"
                assert await connection.scalar(text(f"SHOW {IDLE}")) == "20s"
                assert await connection.scalar(text(f"SHOW {LIMIT}")) == "7s"
            other.execute("SET timezone TO 'America/New_York'")
            other.execute("SET datestyle TO 'German'")
            for setting in (IDLE, LIMIT):
                assert other.execute(f"SHOW {setting}".encode()).fetchone() == ("0",)
            async with database.reading() as connection:
                assert await connection.scalar(text("SHOW timezone")) == "UTC"
                assert await connection.scalar(text("SHOW datestyle")) == "ISO, MDY"
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
    await database.close()


async def write_and_fail(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE left_over (x int)"))
        raise ZeroDivisionError


async def test_a_rolled_back_transaction_leaves_nothing(one_connection: PgBouncer) -> None:
    database = Database(sqlalchemy_url(one_connection.url("postgres")), pool=1)
    with pytest.raises(ZeroDivisionError):
        await write_and_fail(database)
    async with database.reading() as connection:
        assert await connection.scalar(text("SELECT to_regclass('left_over')")) is None
    await database.close()


async def test_the_url_may_say_that_nothing_is_prepared(one_connection: PgBouncer) -> None:
    database = Database(sqlalchemy_url(one_connection.url("postgres") + "?prepare_threshold=None"), pool=1)
    async with database.reading() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await database.close()
