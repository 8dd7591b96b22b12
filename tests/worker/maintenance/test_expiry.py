from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from models.ids import new_id
from models.tables import jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.tasks.beats import heartbeat
from worker.lifecycle import commit, release_held, retry_job
from worker.maintenance.expiry import expire_overdue

SECOND = timedelta(seconds=1)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_a_job_that_could_not_start_in_time_expires_and_was_not_charged(darkroom: Darkroom) -> None:
    caller, deadline = await darkroom.caller(), darkroom.clock() + 5 * SECOND
    late = await darkroom.submit(caller, expires_at=deadline)
    others = [
        await darkroom.submit(caller),
        await darkroom.submit(caller, expires_at=deadline + timedelta(hours=1)),
    ]
    await expire_overdue(darkroom.services.database, darkroom.clock())
    assert (await darkroom.job(late)).status == "queued"
    darkroom.clock.forward(seconds=5)
    await expire_overdue(darkroom.services.database, darkroom.clock())
    job = await darkroom.job(late)
    assert (job.status, job.finished_at, job.error["code"]) == ("expired", darkroom.clock(), "expired")
    assert "was not sent" in job.error["message"]
    assert await darkroom.attempts(late) == []
    assert await darkroom.statuses(late) == ["queued", "expired"]
    assert [(await darkroom.job(key)).status for key in others] == ["queued", "queued"]


async def test_a_heartbeat_expires_jobs(darkroom: Darkroom) -> None:
    job_id = await darkroom.submit(await darkroom.caller(), expires_at=darkroom.clock() - SECOND)
    await heartbeat(await darkroom.worker()).beat()
    assert (await darkroom.job(job_id)).status == "expired"


async def test_one_heartbeat_expires_thousands_of_jobs_with_the_same_deadline(darkroom: Darkroom) -> None:
    one = await darkroom.submit(await darkroom.caller(), expires_at=darkroom.clock())
    row = dict((await darkroom.job(one))._mapping)
    async with darkroom.services.database.writing() as connection:
        await connection.execute(insert(jobs), [{**row, "id": new_id()} for _ in range(1200)])
    await expire_overdue(darkroom.services.database, darkroom.clock())
    async with darkroom.services.database.reading() as connection:
        left = await connection.scalar(select(func.count()).where(jobs.c.status == "queued"))
    assert left == 0


async def test_a_job_that_was_held_beyond_its_deadline_is_called_again_when_it_is_released(
    darkroom: Darkroom,
) -> None:
    at = darkroom.clock()
    late = await darkroom.submit(await darkroom.caller(), status="held", expires_at=at - SECOND)
    later = await darkroom.submit(await darkroom.caller(), status="held", expires_at=at + SECOND)
    await expire_overdue(darkroom.services.database, at)
    async with darkroom.services.database.writing() as connection:
        await commit(connection, [release_held(await darkroom.job(key), at=at) for key in (late, later)])
    await expire_overdue(darkroom.services.database, at)
    assert [(await darkroom.job(key)).status for key in (late, later)] == ["queued", "queued"]
    assert (await darkroom.job(later)).expires_at == at + SECOND


async def test_an_expired_job_that_is_retried_has_no_deadline_any_more(darkroom: Darkroom) -> None:
    job_id = await darkroom.submit(await darkroom.caller(), expires_at=darkroom.clock() - SECOND)
    await expire_overdue(darkroom.services.database, darkroom.clock())
    async with darkroom.services.database.writing() as connection:
        assert await retry_job(connection, job_id, at=darkroom.clock())
    await expire_overdue(darkroom.services.database, darkroom.clock())
    job = await darkroom.job(job_id)
    assert (job.status, job.expires_at, job.error) == ("queued", None, None)


async def test_a_job_that_runs_when_its_time_is_over_is_left_alone(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), expires_at=darkroom.clock() + SECOND)
    await worker.dispatcher.run_round()
    darkroom.clock.forward(seconds=9)
    await expire_overdue(darkroom.services.database, darkroom.clock())
    assert (await darkroom.job(job_id)).status == "leased"
