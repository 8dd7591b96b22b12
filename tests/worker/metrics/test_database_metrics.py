"""Metrics of the database's clients: transactions, waits, pools."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import text

from models.database import Database
from tests.worker.metrics.samples import sample
from worker.metrics.database_metrics import observe_database

WAITS = "db_client_connections_wait_time_seconds"


def pool(database: Database) -> tuple[float, float, float, float]:
    """Return used and idle connections, the most there may be, and the transactions that wait."""
    name = {"pool_name": str(id(database))}
    count = "db_client_connections_usage"
    return (
        sample(count, **name, state="used"),
        sample(count, **name, state="idle"),
        sample("db_client_connections_max", **name),
        sample("db_client_connections_pending_requests", **name),
    )


def transactions(database: Database) -> dict[str, float]:
    system = "sqlite" if database.is_sqlite else "postgresql"
    return {
        name: sample(
            "db_client_operation_duration_seconds_count", db_system_name=system, db_operation_name=name
        )
        for name in ("read", "write")
    }


async def test_transactions_are_counted_by_what_they_do_and_so_are_those_that_fail(
    database: Database,
) -> None:
    observe_database(database, str(id(database)))
    before = transactions(database)
    async with database.reading() as connection:
        await connection.execute(text("SELECT 1"))
    for _ in range(2):
        try:
            async with database.writing() as connection:
                await connection.execute(text("SELECT 1"))
                raise LookupError
        except LookupError:
            pass
    after = transactions(database)
    assert {name: after[name] - before[name] for name in before} == {"read": 1, "write": 2}


async def test_a_scrape_shows_the_pool_and_who_waits_for_it(database_url: str) -> None:
    database = Database(database_url, pool=1)
    name = str(id(database))
    observe_database(database, name)
    most = 11 if database.is_sqlite else 1
    assert pool(database) == (0, 0, most, 0)
    async with AsyncExitStack() as held:
        for _ in range(most):
            await held.enter_async_context(database.reading())
        waiting, given_up = (asyncio.create_task(_read(database)) for _ in range(2))
        await settle()
        assert pool(database) == (most, 0, most, 2)
        given_up.cancel()
        await settle()
        assert pool(database) == (most, 0, most, 1)
    await waiting
    assert pool(database) == (0, 1, most, 0)  # what overflows is closed at once
    labels = {"pool_name": name}
    assert sample(f"{WAITS}_count", **labels) == most + 1
    assert sample(f"{WAITS}_sum", **labels) > 0
    await database.close()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _read(database: Database) -> None:
    async with database.reading():
        pass
