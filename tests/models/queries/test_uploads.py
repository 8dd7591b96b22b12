"""Input images without a job: found by content, kept while a job or task names them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from models.database import Database
from models.ids import new_id, public_id
from models.queries.assets import NewAsset, find_asset, insert_assets
from models.queries.jobs import NewJob, insert_jobs
from models.queries.uploads import (
    delete_unused,
    find_upload,
    keep_for_ever,
    keep_upload,
    limit_unused,
    list_unused,
    named_by_jobs,
    renew_uploads,
)
from models.tables import callers, jobs, midjourney_tasks

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def caller(database: Database) -> UUID:
    key = new_id()
    row = {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False}
    async with database.writing() as connection:
        await connection.execute(insert(callers).values(**row, created_at=NOW))
    return key


async def upload(database: Database, caller: UUID, key: str = "k", until: datetime | None = NOW) -> UUID:
    new = NewAsset(
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
        unused_until=until,
    )
    async with database.writing() as connection:
        await insert_assets(connection, [new])
    return new.id


async def until(database: Database, asset_id: UUID) -> datetime | None:
    async with database.reading() as connection:
        row = await find_asset(connection, asset_id, caller_id=None)
    assert row is not None
    found: datetime | None = row.unused_until
    return found


async def test_an_upload_is_found_by_its_content_and_caller(database: Database, caller: UUID) -> None:
    asset_id = await upload(database, caller)
    async with database.reading() as connection:
        found = await find_upload(connection, caller, "k")
        assert found is not None
        assert found.id == asset_id
        assert await find_upload(connection, caller, "other") is None
        assert await find_upload(connection, new_id(), "k") is None


async def test_its_time_is_only_ever_put_off(database: Database, caller: UUID) -> None:
    asset_id = await upload(database, caller)
    async with database.writing() as connection:
        assert await keep_upload(connection, asset_id, NOW + DAY)
        await keep_upload(connection, asset_id, NOW)
        await renew_uploads(connection, [asset_id], NOW + 3 * DAY, before=NOW + DAY)
        assert not await keep_upload(connection, new_id(), NOW)
    assert await until(database, asset_id) == NOW + DAY

    async with database.writing() as connection:
        await renew_uploads(connection, [asset_id], NOW + 3 * DAY, before=NOW + 2 * DAY)
    assert await until(database, asset_id) == NOW + 3 * DAY


async def test_one_that_stays_for_ever_does_so_until_the_job_that_names_it_is_deleted(
    database: Database, caller: UUID
) -> None:
    asset_id = await upload(database, caller, until=None)
    async with database.writing() as connection:
        await keep_upload(connection, asset_id, NOW + DAY)
        await renew_uploads(connection, [asset_id], NOW + DAY, before=NOW + DAY)
    assert await until(database, asset_id) is None
    async with database.writing() as connection:
        await limit_unused(connection, [asset_id], NOW)
    assert await until(database, asset_id) == NOW
    async with database.writing() as connection:
        await keep_for_ever(connection, [asset_id])
    assert await until(database, asset_id) is None


async def test_it_is_named_by_a_job_or_a_midjourney_task_of_its_caller(
    database: Database, caller: UUID
) -> None:
    by_job, by_request, by_task, shown, unnamed = [await upload(database, caller, key) for key in "abcde"]
    job = NewJob(
        new_id(), "m", "a cat", {"images": ["x", public_id("asset", by_job)]}, 0, 3, "hold", NOW, tags=["t"]
    )
    other = NewJob(new_id(), "m", "a cat", {"images": None}, 0, 3, "hold", NOW)
    async with database.writing() as connection:
        await insert_jobs(connection, [job, other], caller_id=caller, surface="rest", at=NOW)
        await connection.execute(
            insert(midjourney_tasks).values(
                **{
                    "id": 1,
                    "caller_id": caller,
                    "action": "IMAGINE",
                    "description": "",
                    "bot": "MID_JOURNEY",
                },
                **{"mode": "FAST", "hash": new_id(), "request": {"images": [public_id("asset", by_request)]}},
                **{"properties": {}, "told": 0, "asset_id": shown, "pictures": [str(by_task)]},
                **{"cancelled": False, "submitted_at": NOW},
            )
        )
    every = [by_job, by_request, by_task, shown, unnamed]
    async with database.reading() as connection:
        assert await named_by_jobs(connection, caller, every) == set(every) - {unnamed}
        assert await named_by_jobs(connection, new_id(), every) == set()


async def test_a_request_that_can_not_be_read_names_nothing(database: Database, caller: UUID) -> None:
    asset_id = await upload(database, caller)
    job = NewJob(new_id(), "m", "a cat", {"images": 7}, 0, 3, "hold", NOW)
    async with database.writing() as connection:
        await insert_jobs(connection, [job], caller_id=caller, surface="rest", at=NOW)
        await connection.execute(update(jobs).values(request={"images": {"a": 1}}))
        assert await named_by_jobs(connection, caller, [asset_id]) == set()


async def test_only_what_is_still_unused_is_deleted(database: Database, caller: UUID) -> None:
    old, renewed, kept = [await upload(database, caller, key) for key in "abc"]
    await upload(database, caller, "later", NOW + DAY)
    async with database.writing() as connection:
        listed = await list_unused(connection, NOW + timedelta(seconds=1), 10)
        assert {each[0] for each in listed} == {old, renewed, kept}
        assert {each[1] for each in listed} == {caller}
        await keep_upload(connection, renewed, NOW + DAY)
        assert await delete_unused(connection, [old, renewed], NOW + timedelta(seconds=1)) == 1
        assert await find_asset(connection, old, caller_id=None) is None
