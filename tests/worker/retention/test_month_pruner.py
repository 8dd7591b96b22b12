"""A month of events and attempts goes at once where all its jobs are over their time; else by rows."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from models.ids import first_id
from models.operations.months import later_month, month_of
from models.operations.retention import RetentionKind
from models.queries.operations.ended_jobs import set_keep
from models.queries.operations.partitions import (
    TABLES,
    Partition,
    drop_partition,
    list_partitions,
    settled_number,
)
from models.tables import attempts, callers, events, jobs
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.retention.pruner import RetentionPruner

pytestmark = pytest.mark.parametrize("plain_database_url", ["partitioned"], indirect=True)
DAY = 86_400


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    """Events are deleted after 10 days, attempts after 20, archived responses after one; jobs stay."""
    rules = {"retention_events": 10 * DAY, "retention_attempts": 20 * DAY, "retention_answers": DAY}
    async with open_darkroom(plain_database_url, tmp_path, practice={}, **rules) as opened:
        yield opened


async def partitions(darkroom: Darkroom) -> dict[str, Partition]:
    async with darkroom.services.database.reading() as connection:
        return {each.name: each for table in TABLES for each in await list_partitions(connection, table)}


async def made(darkroom: Darkroom, worker: OneWorker, caller: UUID) -> UUID:
    """Make a job that ended."""
    job_id = await darkroom.submit(caller)
    await worker.run_round()
    return job_id


async def walk(darkroom: Darkroom, worker: OneWorker, at: datetime) -> set[str]:
    """Walk at a time; return the months that there are then."""
    darkroom.clock.forward(seconds=(at - darkroom.clock()).total_seconds())
    await RetentionPruner(darkroom.services, worker.context.worker_id).walk()
    return set(await partitions(darkroom))


async def test_a_month_is_dropped_whole_and_the_next_ones_are_made(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job = await made(darkroom, worker, caller)
    month = month_of(darkroom.clock())
    name, end = f"{month:%Y_%m}", later_month(month)

    found = await walk(darkroom, worker, end + timedelta(days=9))
    assert await darkroom.events(job), "its events wait for the end of the month's last job"
    assert (await darkroom.attempts(job))[0].raw_key is None, "answers do not wait"
    assert f"events_{later_month(month, 4):%Y_%m}" in found

    found = await walk(darkroom, worker, end + timedelta(days=11))
    assert f"events_{name}" not in found
    assert f"attempts_{name}" in found
    found = await walk(darkroom, worker, end + timedelta(days=21))
    assert f"attempts_{name}" not in found
    assert (await darkroom.job(job)).status == "succeeded"
    assert not await darkroom.events(job) + await darkroom.attempts(job)

    async with darkroom.services.database.writing() as connection:
        values = {"job_id": job, "revision": 99, "status": "queued", "progress": 0, "at": darkroom.clock()}
        await connection.execute(insert(events).values(**values))
    assert len(await darkroom.events(job)) == 1, "of no month any more: in the default partition"


async def test_rows_are_deleted_one_by_one_in_a_month_with_a_job_that_is_kept_or_open(
    darkroom: Darkroom,
) -> None:
    worker, caller, keeper = await darkroom.worker(), await darkroom.caller(), await darkroom.caller()
    async with darkroom.services.database.writing() as connection:
        own = update(callers).where(callers.c.id == keeper)
        await connection.execute(own.values(retention={RetentionKind.EVENTS: "keep"}))
    job, kept = await made(darkroom, worker, caller), await made(darkroom, worker, keeper)
    open_job = await darkroom.submit(caller)
    month = month_of(darkroom.clock())
    found = await walk(darkroom, worker, darkroom.clock() + timedelta(days=11))
    assert (await darkroom.events(job), bool(await darkroom.events(kept))) == ([], True)
    found = await walk(darkroom, worker, later_month(month) + timedelta(days=26))
    assert {f"events_{month:%Y_%m}", f"attempts_{month:%Y_%m}"} <= found
    assert await darkroom.attempts(job), "the month waits for its last job"
    found = await walk(darkroom, worker, later_month(month) + timedelta(days=28))
    assert not await darkroom.attempts(job), "no longer"
    assert await darkroom.events(open_job)
    assert await darkroom.events(kept)


async def test_a_month_with_a_job_that_a_person_keeps_is_not_dropped(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job, kept = await made(darkroom, worker, caller), await made(darkroom, worker, caller)
    async with darkroom.services.database.writing() as connection:
        await set_keep(connection, kept, True)
    await walk(darkroom, worker, later_month(month_of(darkroom.clock())) + timedelta(days=22))
    assert not await darkroom.events(job) + await darkroom.attempts(job)
    assert await darkroom.events(kept)
    assert (await darkroom.attempts(kept))[0].raw_key


async def test_a_month_whose_job_changed_or_was_kept_after_the_look_is_not_dropped(
    darkroom: Darkroom,
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job = await made(darkroom, worker, caller)
    found = await partitions(darkroom)
    each = found[f"attempts_{month_of(darkroom.clock()):%Y_%m}"]
    database = darkroom.services.database
    async with database.writing() as connection:
        settled = await settled_number(connection)
    async with database.writing() as connection:
        values = {"job_id": job, "revision": 99, "status": "queued", "progress": 0, "at": darkroom.clock()}
        await connection.execute(insert(events).values(**values))
    async with database.writing() as connection:
        assert not await drop_partition(connection, each, settled)
    async with database.writing() as connection:
        assert await set_keep(connection, job, True) is False
    async with database.writing() as connection:
        settled = await settled_number(connection)
    async with database.writing() as connection:
        assert not await drop_partition(connection, each, settled)
    assert len(await darkroom.attempts(job)) == 1


async def test_a_month_that_the_default_partition_has_rows_of_stays_there(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job = await made(darkroom, worker, caller)
    far = later_month(month_of(darkroom.clock()), 5)
    async with darkroom.services.database.writing() as connection:
        values: dict[str, Any] = {"id": first_id(far), **_copied(await darkroom.job(job))}
        await connection.execute(insert(jobs).values(**values))
        call = {"job_id": first_id(far), "number": 1, "generation": 1, "channel": "a", "billed": "no"}
        call |= {"worker_id": worker.context.worker_id, "sent_at": darkroom.clock()}
        await connection.execute(insert(attempts).values(**call))
    found = await walk(darkroom, worker, far - timedelta(days=1))
    assert f"events_{far:%Y_%m}" in found
    assert f"attempts_{far:%Y_%m}" not in found
    assert f"attempts_{later_month(far):%Y_%m}" in found


def _copied(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("id", "status")} | {
        "status": "failed"
    }
