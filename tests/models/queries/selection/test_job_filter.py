"""The conditions of a job filter, on every kind of database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from models.database import Database
from models.ids import new_id
from models.queries.jobs import NewJob, insert_jobs
from models.queries.selection.job_filter import JobFilter, conditions
from models.tables import callers, channels, jobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHANNEL, WORKER = new_id(), new_id()


@pytest.fixture
async def made(database: Database) -> list[UUID]:
    """Three jobs, an hour apart: the second failed after half an hour; the last is a part of a task."""
    caller_id, ids = new_id(), [new_id() for _ in range(3)]
    caller = {"id": caller_id, "name": "c", "key_hash": b"k" * 32, "key_hint": "", "admin": False}
    async with database.writing() as connection:
        await connection.execute(insert(callers).values(**caller, created_at=NOW))
        for number, job_id in enumerate(ids):
            job = NewJob(job_id, "m", "a cat", {}, 0, 3, "hold", NOW)
            surface = "rest" if number < 2 else "midjourney"
            at = NOW + number * HOUR
            await insert_jobs(connection, [job], caller_id=caller_id, surface=surface, at=at)
        ended: dict[str, Any] = {
            "finished_at": NOW + 1.5 * HOUR,
            "error": {"code": "timeout", "message": "late"},
        }
        row = {"name": "here", "configured": True, "models": [], "concurrency": 1, "blocked_models": {}}
        await connection.execute(insert(channels).values(id=CHANNEL, **row, updated_at=NOW))
        ended |= {"channel_id": CHANNEL, "worker_id": WORKER}
        await connection.execute(update(jobs).where(jobs.c.id == ids[1]).values(status="failed", **ended))
    return ids


CASES: list[tuple[JobFilter, list[int]]] = [
    (JobFilter(), [0, 1]),
    (JobFilter(with_parts=True), [0, 1, 2]),
    (JobFilter(surface="midjourney"), [2]),
    (JobFilter(error_code="timeout"), [1]),
    (JobFilter(error_code="other"), []),
    (JobFilter(text="A CAT"), [0, 1]),
    (JobFilter(text="%"), []),
    (JobFilter(created_after=NOW + HOUR), [1]),
    (JobFilter(created_before=NOW + HOUR), [0]),
    (JobFilter(finished_after=NOW + 1.5 * HOUR), [1]),
    (JobFilter(finished_before=NOW + 1.5 * HOUR), []),
    (JobFilter(finished_before=NOW + 2 * HOUR), [1]),
    (JobFilter(after=NOW), [1]),
    (JobFilter(statuses=["failed", "held"]), [1]),
    (JobFilter(ids=[]), []),
    (JobFilter(channel="here", worker=WORKER), [1]),
    (JobFilter(channel="there"), []),
    (JobFilter(worker=new_id()), []),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
async def test_a_filter_matches_what_all_its_conditions_match(
    database: Database, made: list[UUID], wanted: JobFilter, expected: list[int]
) -> None:
    assert await found(database, wanted) == [made[number] for number in expected]
    one = replace(wanted, ids=made[1:2]) if wanted.ids is None else wanted
    assert await found(database, one) == [made[number] for number in expected if number == 1]


async def found(database: Database, wanted: JobFilter) -> list[UUID]:
    async with database.reading() as connection:
        sqlite = connection.dialect.name == "sqlite"
        query = select(jobs.c.id).where(*conditions(wanted, sqlite=sqlite)).order_by(jobs.c.created_at)
        return list(await connection.scalars(query))


async def test_an_error_that_is_no_json_does_not_spoil_the_others(
    database: Database, made: list[UUID]
) -> None:
    async with database.writing() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("UPDATE jobs SET error = '{oops' WHERE status = 'queued'")
    assert await found(database, JobFilter(error_code="timeout")) == made[1:2]


def test_conditions_that_a_query_compares_itself_are_left_out() -> None:
    wanted: dict[str, Any] = {"statuses": ["held"], "campaign": "night", "with_parts": True}
    assert len(conditions(JobFilter(**wanted), sqlite=True)) == 2
    assert conditions(JobFilter(**wanted), sqlite=True, without={"status", "campaign"}) == []
