"""Assets by the keys of their files."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert

from models.database import Database
from models.ids import new_id
from models.queries.assets import (
    NewAsset,
    count_missing,
    insert_assets,
    keys_in_use,
    mark_missing,
    page_of_files,
)
from models.tables import callers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
async def caller(database: Database) -> UUID:
    key = new_id()
    row = {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False}
    async with database.writing() as connection:
        await connection.execute(insert(callers).values(**row, created_at=NOW))
    return key


def asset(caller: UUID, key: str) -> NewAsset:
    return NewAsset(
        caller_id=caller,
        key=key,
        sha256=key,
        content_type="image/png",
        extension="png",
        width=3,
        height=2,
        bytes=9,
        source_url=None,
        created_at=NOW,
    )


async def test_keys_are_in_use_however_many_assets_name_them(database: Database, caller: UUID) -> None:
    async with database.writing() as connection:
        await insert_assets(connection, [asset(caller, key) for key in ("one", "one", "two")])
        assert await keys_in_use(connection, ["one", "two", "three"]) == {"one", "two"}


async def test_assets_are_gone_through_by_id_and_marked(database: Database, caller: UUID) -> None:
    new = [asset(caller, f"key {number}") for number in range(5)]
    async with database.writing() as connection:
        await insert_assets(connection, new)
        ids = sorted(each.id for each in new)
        first = await page_of_files(connection, None, 3)
        rest = await page_of_files(connection, first[-1].id, 3)
        assert [row.id for row in (*first, *rest)] == ids
        await mark_missing(connection, ids[:2], NOW)
        assert await count_missing(connection) == 2
        await mark_missing(connection, ids[:1], None)
        marked = [row.missing_at for row in await page_of_files(connection, None, 9)]
        assert marked == [None, NOW, None, None, None]
