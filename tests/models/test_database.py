"""Connections: their settings, whose locks they keep, and what becomes of them after a failover."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from models.database import Database, after_commit
from models.errors import DatabaseAway, QueryTooSlow
from tests.support.databases import PostgresCopies, sqlalchemy_url


async def told(url: str, setting: str) -> str:
    database = Database(url)
    try:
        async with database.reading() as connection:
            return str(await connection.scalar(text(f"SHOW {setting}")))
    finally:
        await database.close()


async def test_a_client_that_freezes_inside_a_transaction_does_not_keep_its_locks(
    postgres_copies: PostgresCopies,
) -> None:
    with postgres_copies.fresh() as url:
        assert await told(sqlalchemy_url(url), "idle_in_transaction_session_timeout") == "20s"


async def test_an_address_may_say_otherwise(postgres_copies: PostgresCopies) -> None:
    with postgres_copies.fresh() as url:
        own = make_url(sqlalchemy_url(url)).update_query_dict({"options": "-c lock_timeout=7s"})
        address = own.render_as_string(hide_password=False)
        assert await told(address, "idle_in_transaction_session_timeout") == "0"
        assert await told(address, "lock_timeout") == "7s"
        assert await told(address, "timezone") == "UTC"


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
async def test_a_session_is_in_utc_whatever_the_zone_of_the_database(
    postgres_copies: PostgresCopies, zone: str
) -> None:
    with postgres_copies.fresh() as url:
        postgres_copies.set(url, "timezone", zone)
        assert await told(sqlalchemy_url(url), "timezone") == "UTC"


async def write_as_a_standby(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("SET TRANSACTION READ ONLY"))
        await connection.execute(text("DELETE FROM callers"))


async def test_no_connection_of_before_a_failover_is_used_after_it(postgres_copies: PostgresCopies) -> None:
    with postgres_copies.fresh() as url:
        database = Database(sqlalchemy_url(url), pool=3)
        async with database.reading() as one, database.reading() as other:
            old = {await each.scalar(text("SELECT pg_backend_pid()")) for each in (one, other)}
        with pytest.raises(DatabaseAway):
            await write_as_a_standby(database)
        async with database.writing() as one, database.writing() as other:
            new = {await each.scalar(text("SELECT pg_backend_pid()")) for each in (one, other)}
        await database.close()
    assert not old & new


async def test_a_file_that_became_read_only_raises_that_the_database_is_away(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/jobs.db")
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))
        await connection.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(DatabaseAway, match="readonly"):
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
    async with database.writing() as connection:  # on a fresh connection
        await connection.execute(text("INSERT INTO t VALUES (1)"))
    await database.close()


async def test_a_statement_is_ended_after_its_time_and_the_next_one_is_not(database_url: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    limited = Database(database_url, pool=1, statement_timeout=0.2)
    for _ in range(2):
        with pytest.raises(QueryTooSlow):
            async with limited.reading() as connection:
                await connection.scalar(text(endless))
        async with limited.reading() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
    await limited.close()


async def test_a_statement_that_is_wrong_raises_the_error_of_its_driver(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.reading() as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))


async def test_statements_stay_prepared_over_transactions_that_only_read(
    postgres_copies: PostgresCopies,
) -> None:
    with postgres_copies.fresh() as url:
        database = Database(sqlalchemy_url(url), pool=1)
        for _ in range(10):  # psycopg prepares what it has sent five times
            async with database.reading() as connection:
                await connection.scalar(text("SELECT 1"))
        async with database.reading() as connection:
            prepared = text("SELECT statement FROM pg_prepared_statements")
            assert (await connection.scalars(prepared)).all() == ["SELECT 1"]
        await database.close()


async def test_what_fails_after_a_commit_does_not_make_it_look_like_a_failed_one(database: Database) -> None:
    done: list[str] = []

    def fail() -> None:
        raise TypeError("a defect")

    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE after_commits (x INTEGER)"))
        after_commit(connection, fail)
        after_commit(connection, lambda: done.append("next"))
    async with database.reading() as connection:
        assert (await connection.scalars(text("SELECT x FROM after_commits"))).all() == []
    assert done == ["next"]
