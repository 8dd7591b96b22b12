"""Events of many jobs by number: the same ones in SQL and on rows."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from models.database import Database
from models.ids import new_id
from models.queries.jobs import NewJob, insert_jobs
from models.queries.operations.ended_jobs import delete_jobs, lock_ended
from models.queries.selection.event_feed import (
    FeedFilter,
    last_number,
    list_feed,
    list_numbered,
)
from models.queries.selection.job_filter import JobFilter
from models.tables import callers, jobs
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = new_id(), new_id()
JOBS: list[tuple[UUID, str, dict[str, Any]]] = [
    (ONE, "rest", {"campaign": "night", "tags": ["a"]}),
    (ONE, "rest", {"model": "flux"}),
    (ONE, "midjourney", {"campaign": "night"}),
    (TWO, "rest", {"campaign": "night"}),
]


@pytest.fixture
async def made(database: Database) -> list[UUID]:
    """Jobs of two callers, with an event each."""
    ids = []
    async with database.writing() as connection:
        for key in (ONE, TWO):
            row = {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False}
            await connection.execute(insert(callers).values(**row, created_at=NOW))
        for caller_id, surface, fields in JOBS:
            values = {"model": "m", "prompt": "a cat", "request": {}, "priority": 0, "max_attempts": 3}
            job = NewJob(id=new_id(), on_unknown="hold", not_before=NOW, **values | fields)
            await insert_jobs(connection, [job], caller_id=caller_id, surface=surface, at=NOW)
            ids.append(job.id)
    return ids


CASES = [
    (FeedFilter(None, JobFilter()), [0, 1, 3]),
    (FeedFilter(frozenset({ONE}), JobFilter()), [0, 1]),
    (FeedFilter(frozenset({ONE, TWO}), JobFilter(campaign="night")), [0, 3]),
    (FeedFilter(frozenset({ONE}), JobFilter(model="flux")), [1]),
    (FeedFilter(None, JobFilter(tag="a")), [0]),
    (FeedFilter(None, JobFilter(surface="midjourney")), [2]),
    (FeedFilter(frozenset(), JobFilter()), []),
]


@pytest.mark.parametrize(("chosen", "expected"), CASES)
async def test_a_filter_chooses_the_same_events_in_sql_and_on_rows(
    database: Database, made: list[UUID], chosen: FeedFilter, expected: list[int]
) -> None:
    async with database.reading() as connection:
        every = await list_numbered(connection, 0, 10)
        found = await list_feed(connection, chosen, 0, every[-1].seq, 10)
    wanted = [made[number] for number in expected]
    assert [event.job_id for event in found] == wanted
    assert [event.job_id for event in every if chosen.matches(event)] == wanted


async def test_events_are_numbered_one_after_the_other_and_read_in_pages(
    database: Database, made: list[UUID]
) -> None:
    async with database.reading() as connection:
        every = await list_numbered(connection, 0, 10)
        numbers = [event.seq for event in every]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        assert await last_number(connection) == numbers[-1]
        page = await list_numbered(connection, numbers[0], 2)
        assert [event.seq for event in page] == numbers[1:3]
        bounded = await list_feed(connection, FeedFilter(None, JobFilter()), numbers[0], numbers[1], 10)
        assert [event.seq for event in bounded] == numbers[1:2]


async def test_the_highest_number_stays_after_a_deletion(database: Database, made: list[UUID]) -> None:
    async with database.writing() as connection:
        newest = await last_number(connection)
        await connection.execute(jobs.update().where(jobs.c.id == made[3]).values(status="failed"))
        rows = await lock_ended(connection, [made[3]])
        gone = await delete_jobs(connection, rows, reason="request", at=NOW, inputs_until=NOW)
        assert gone.jobs == 1
        job = NewJob(new_id(), "m", "a cat", {}, 0, 3, "hold", NOW)
        await insert_jobs(connection, [job], caller_id=ONE, surface="rest", at=NOW)
        assert await last_number(connection) == newest + 1
