"""Connections that do not outlive those who hold them."""

from sqlalchemy import text
from sqlalchemy.engine import make_url

from models.database import Database
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
