"""Totals of spend: differences are summed, and merging them changes no sum."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, insert, select

from models.database import Database
from models.ids import new_id
from models.queries.money.spend import Spend, SpendKey, list_unmerged, merge, sum_spend
from models.tables import spend

ONE = {"reserved": 5, "settled": 3, "unknown": 1}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


async def test_merging_keeps_the_sums_while_others_write(database: Database) -> None:
    key, other = SpendKey(new_id(), "spring", "USD"), SpendKey(new_id(), "", "CNY")

    async def write(times: int) -> None:
        for _ in range(times):
            async with database.writing() as connection:
                await connection.execute(insert(spend).values(**key._asdict(), **ONE))

    async def merge_all() -> None:
        for _ in range(3):
            async with database.writing() as connection:
                await merge(connection, key)

    async with database.writing() as connection:
        await connection.execute(insert(spend), [{**key._asdict(), **ONE} for _ in range(201)])
        await connection.execute(insert(spend).values(**other._asdict(), **ONE))
        assert await list_unmerged(connection) == [key]
    await asyncio.gather(write(10), merge_all(), write(10), merge_all())
    async with database.writing() as connection:
        await merge(connection, key)
        totals = await sum_spend(connection, [key.caller_id, other.caller_id])
        assert totals == {key: Spend(5 * 221, 3 * 221, 221), other: Spend(5, 3, 1)}
        assert await connection.scalar(select(func.count()).select_from(spend)) == 2
        assert await sum_spend(connection, [key.caller_id], campaigns=["summer"]) == {}
