"""Budgets as they are stored, and the lock of reservations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from models.database import Database
from models.ids import new_id
from models.money.money import Money
from models.queries.callers import insert_caller, lock_shares
from models.queries.money.budgets import close_caller, lock_budgets, read_budgets, set_budget

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


async def test_a_caller_that_is_closed_starts_nothing_until_its_budget_is_changed(database: Database) -> None:
    key = new_id()
    async with database.writing() as connection:
        await insert_caller(connection, key, name="a", key_hash=b"h", key_hint="", admin=False, at=AT)
        await set_budget(connection, [key], Money(5, "USD"))
        assert (await read_budgets(connection, [key], [])).callers == {key: Money(5, "USD")}
        await close_caller(connection, key, at=AT, until=None, detail="used up")
        assert await lock_shares(connection, [key], AT) == []
        await close_caller(connection, key, at=AT, until=AT, detail="in flight")
        assert len(await lock_shares(connection, [key], AT)) == 1
        await close_caller(connection, key, at=AT, until=None, detail="used up")
        await set_budget(connection, [key], None)
        assert len(await lock_shares(connection, [key], AT)) == 1
        assert (await read_budgets(connection, [key], ["x"])).callers == {}


async def test_reservations_of_one_caller_wait_for_each_other(database: Database) -> None:
    key, order = new_id(), list[str]()

    async def hold(name: str) -> None:
        async with database.writing() as connection:
            await lock_budgets(connection, [key])
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(hold("one"), hold("two"))
    assert [each.split()[1] for each in order] == ["in", "out", "in", "out"]
