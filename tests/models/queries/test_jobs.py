from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from models.database import Database
from models.ids import first_id, new_id
from models.queries.callers import insert_caller
from models.queries.jobs import (
    NewJob,
    find_job,
    insert_jobs,
    list_events,
    list_jobs,
    statuses_of,
)
from models.queries.selection.job_filter import JobFilter
from models.tables import jobs
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEW = NewJob(new_id(), "m", "a cat", {"n": 2}, 0, 3, "hold", NOW)


@pytest.fixture
async def caller_id(database: Database) -> UUID:
    caller_id = new_id()
    async with database.writing() as connection:
        values: dict[str, Any] = {"key_hash": b"k" * 32, "key_hint": "", "admin": False}
        await insert_caller(connection, caller_id, name="ops", at=NOW, **values)
    return caller_id


async def add(database: Database, caller_id: UUID, *new_jobs: NewJob, surface: str = "rest") -> list[UUID]:
    async with database.writing() as connection:
        await insert_jobs(connection, new_jobs, caller_id=caller_id, surface=surface, at=NOW)
    return [job.id for job in new_jobs]


async def test_a_job_is_stored_as_its_row_says_with_its_first_event(
    database: Database, caller_id: UUID
) -> None:
    given = replace(
        NEW, campaign="night", tags=["a"], retry={"retry": {"attempts": 1}}, expires_at=NOW + MINUTE
    )
    await add(database, caller_id, given)
    async with database.reading() as connection:
        stored = await find_job(connection, given.id, caller_id=caller_id)
        events = await list_events(connection, given.id, after=0)
    assert stored is not None
    row = given.row(NOW, caller_id=caller_id, surface="rest")
    assert {name: value for name, value in stored._mapping.items() if value is not None} == {
        name: value for name, value in row.items() if value is not None and name != "store_tries"
    }
    assert [(event.revision, event.status, event.progress) for event in events] == [(1, "queued", 0)]


async def test_a_job_of_another_caller_is_not_found(database: Database, caller_id: UUID) -> None:
    await add(database, caller_id, NEW)
    async with database.reading() as connection:
        assert await find_job(connection, NEW.id, caller_id=new_id()) is None
        assert not await list_jobs(connection, [new_id()], JobFilter(), limit=10)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (JobFilter(), [2, 1, 0]),
        (JobFilter(model="flux"), [1]),
        (JobFilter(campaign="night"), [2, 0]),
        (JobFilter(campaign="night", statuses=["queued"]), [0]),
        (JobFilter(statuses=["failed"]), [2]),
        (JobFilter(statuses=["failed", "queued"], campaign="night"), [2, 0]),
        (JobFilter(tag="a"), [1, 0]),
        (JobFilter(before=first_id(NOW + MINUTE)), [0]),
        (JobFilter(surface="midjourney"), [3]),
    ],
)
async def test_lists_are_filtered_and_newest_first(
    database: Database, caller_id: UUID, wanted: JobFilter, found: list[int]
) -> None:
    ids = [first_id(NOW + number * MINUTE) for number in range(4)]
    await add(
        database,
        caller_id,
        replace(NEW, id=ids[0], campaign="night", tags=["a"]),
        replace(NEW, id=ids[1], model="flux", tags=["b", "a"]),
        replace(NEW, id=ids[2], campaign="night"),
    )
    await add(database, caller_id, replace(NEW, id=ids[3]), surface="midjourney")
    async with database.writing() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == ids[2]).values(status="failed"))
        rows = await list_jobs(connection, [caller_id], wanted, limit=10)
    assert [row.id for row in rows] == [ids[index] for index in found]


async def test_statuses_of_some_jobs_are_read_and_missing_ones_left_out(
    database: Database, caller_id: UUID
) -> None:
    first, second = await add(database, caller_id, *(replace(NEW, id=new_id()) for _ in range(2)))
    async with database.writing() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == second).values(status="held", revision=4))
        known = await statuses_of(connection, [first, second, new_id()])
    assert known == {first: (1, "queued"), second: (4, "held")}
