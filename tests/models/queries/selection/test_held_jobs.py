from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from models.database import Database
from models.ids import first_id, new_id
from models.queries.callers import insert_caller
from models.queries.jobs import NewJob, insert_jobs
from models.queries.selection.held_jobs import is_still_leased, lock_held, lock_jobs
from models.queries.selection.job_filter import JobFilter
from models.tables import jobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def add_caller(database: Database, name: str) -> UUID:
    caller_id = new_id()
    async with database.writing() as connection:
        values: dict[str, Any] = {"key_hash": name.encode().ljust(32), "key_hint": "", "admin": False}
        await insert_caller(connection, caller_id, name=name, at=NOW, **values)
    return caller_id


async def add_held(
    database: Database, caller_id: UUID, at: datetime, code: str = "lost", **values: Any
) -> UUID:
    job = NewJob(first_id(at), values.pop("model", "m"), "a cat", {}, 0, 3, "hold", at, **values)
    async with database.writing() as connection:
        await insert_jobs(connection, [job], caller_id=caller_id, surface="rest", at=at)
        changes = {"status": "held", "error": {"code": code}}
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(**changes))
    return job.id


@pytest.fixture
async def caller_id(database: Database) -> UUID:
    return await add_caller(database, "ops")


@pytest.fixture
async def held(database: Database, caller_id: UUID) -> list[UUID]:
    """Three held jobs, an hour apart, that differ in every member of the filter."""
    return [
        await add_held(database, caller_id, NOW, "timeout", campaign="night", tags=["a"]),
        await add_held(database, caller_id, NOW + HOUR, model="flux", tags=["a", "b"]),
        await add_held(database, caller_id, NOW + 2 * HOUR, campaign="day"),
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(), [0, 1, 2]),
        (JobFilter(model="flux"), [1]),
        (JobFilter(campaign="night"), [0]),
        (JobFilter(tag="a"), [0, 1]),
        (JobFilter(tag="a", model="m"), [0]),
        (JobFilter(error_code="lost"), [1, 2]),
        (JobFilter(after=NOW), [1, 2]),
        (JobFilter(before=NOW + HOUR), [0]),
        (JobFilter(after=first_id(NOW + HOUR)), [2]),
        (JobFilter(tag="no such tag"), []),
    ],
)
async def test_a_filter_finds_the_held_jobs_that_fit(
    database: Database, caller_id: UUID, held: list[UUID], wanted: JobFilter, found: list[int]
) -> None:
    async with database.writing() as connection:
        rows = await lock_held(connection, caller_id, wanted, above=None, limit=10)
    assert [row.id for row in rows] == [held[index] for index in found]


async def test_held_jobs_are_read_in_pages_by_id(
    database: Database, caller_id: UUID, held: list[UUID]
) -> None:
    async with database.writing() as connection:
        first = await lock_held(connection, caller_id, JobFilter(), above=None, limit=2)
        rest = await lock_held(connection, caller_id, JobFilter(), above=first[-1].id, limit=2)
    assert [row.id for row in (*first, *rest)] == held


async def test_jobs_of_another_caller_are_not_found(
    database: Database, caller_id: UUID, held: list[UUID]
) -> None:
    other = await add_caller(database, "other")
    async with database.writing() as connection:
        assert not await lock_held(connection, other, JobFilter(), above=None, limit=10)
        assert not await lock_jobs(connection, other, held)
        assert [row.id for row in await lock_jobs(connection, caller_id, held[::-1])] == held


async def test_a_held_job_whose_worker_still_drops_its_call_counts_as_leased(
    database: Database, held: list[UUID]
) -> None:
    async with database.writing() as connection:
        assert not await is_still_leased(connection, held[0])
        await connection.execute(update(jobs).where(jobs.c.id == held[0]).values(worker_id=new_id()))
        assert await is_still_leased(connection, held[0])
