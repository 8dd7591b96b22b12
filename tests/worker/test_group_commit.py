"""Group commit: the updates of many jobs in one transaction."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from models.outcomes import Billed, CallResult, JobError, Outcome
from models.queries.assets import NewAsset
from models.queries.attempts import AttemptRecord
from models.queries.leases import LeasedJob, leased_to
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.lifecycle import JobUpdate, fail, release_lease, report_progress, start, succeed
from worker.lifecycle import running as as_running


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


async def test_an_update_that_can_not_be_written_does_not_prevent_the_others(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    good, bad = await darkroom.submit(caller), await darkroom.submit(caller)
    await worker.dispatcher.run_round()
    async with darkroom.services.database.reading() as connection:
        rows = {job.id: job for job in await leased_to(connection, worker.context.worker_id)}
    no_json: Any = object()
    error = JobError(code=no_json, message="", outcome=None, retryable=False)
    broken = worker.context.group_commit.post(fail(rows[bad], error, at=darkroom.clock()))
    assert await worker.context.group_commit.write(
        release_lease(good, rows[good].lease_token, at=darkroom.clock(), why="test")
    )
    assert await broken is False
    ended = await darkroom.job(bad)
    assert (ended.status, ended.error["code"]) == ("failed", "unwritable")
    assert "does not accept" in ended.error["message"]


async def running(worker: OneWorker, darkroom: Darkroom, count: int) -> list[LeasedJob]:
    """Return jobs whose calls were sent."""
    caller = await darkroom.caller()
    for _ in range(count):
        await darkroom.submit(caller)
    await worker.dispatcher.run_round()
    async with darkroom.services.database.reading() as connection:
        leased = await leased_to(connection, worker.context.worker_id)
    assert len(leased) == count
    commit, at = worker.context.group_commit, darkroom.clock()
    assert all([await commit.write(start(job, worker=worker.context.worker_id, at=at)) for job in leased])
    return [as_running(job) for job in leased]


def success(darkroom: Darkroom, job: LeasedJob, **record: Any) -> JobUpdate:
    """Return the update that a paid answer with one image leads to."""
    at, result = darkroom.clock(), CallResult(Outcome.SUCCESS, billed=Billed.YES)
    digest = sha256(job.id.bytes).hexdigest()
    asset = NewAsset(
        caller_id=job.caller_id,
        job_id=job.id,
        key=f"{digest}.png",
        sha256=digest,
        content_type="image/png",
        extension="png",
        width=1,
        height=1,
        bytes=record.pop("size", 1),
        source_url=None,
        created_at=at,
    )
    paid = replace(AttemptRecord.of(job.id, job.next_number, result, finished_at=at), **record)
    return succeed(job, [asset], at=at, record=paid)


async def test_a_paid_answer_that_can_never_be_written_is_held_and_says_where_it_is(
    darkroom: Darkroom,
) -> None:
    worker = await darkroom.worker()
    good, bad = await running(worker, darkroom, 2)
    commit = worker.context.group_commit
    unwritable = {"http_status": 10**30}  # no column holds the number
    both = [commit.post(success(darkroom, job, **more)) for job, more in ((bad, unwritable), (good, {}))]
    assert await asyncio.gather(*both) == [False, True]
    assert (await darkroom.job(good.id)).status == "succeeded"
    held, (attempt,) = await darkroom.job(bad.id), await darkroom.attempts(bad.id)
    assert (held.status, held.error["code"]) == ("held", "asset_unstored")
    assert sha256(bad.id.bytes).hexdigest() in held.error["message"]
    assert "archived" in held.error["message"]
    assert (attempt.outcome, attempt.billed) == ("success", "yes")


async def test_progress_that_can_not_be_written_leaves_its_job_running(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    (job,) = await running(worker, darkroom, 1)
    too_much: Any = 10**30
    assert not await worker.context.group_commit.write(report_progress(job, too_much, at=darkroom.clock()))
    assert (await darkroom.job(job.id)).status == "running"
    assert await worker.context.group_commit.write(success(darkroom, job))


async def test_an_update_whose_transition_no_longer_holds_returns_false(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.reading() as connection:
        (job,) = await leased_to(connection, worker.context.worker_id)
    commit, at = worker.context.group_commit, darkroom.clock()
    both = [commit.post(release_lease(job_id, job.lease_token, at=at, why="test")) for _ in range(2)]
    assert commit.busy
    assert await asyncio.gather(*both) == [True, False]
    assert not commit.busy
    assert await darkroom.statuses(job_id) == ["queued", "leased", "queued"]


async def test_a_stop_writes_what_waits(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.reading() as connection:
        (job,) = await leased_to(connection, worker.context.worker_id)
    written = worker.context.group_commit.post(
        release_lease(job_id, job.lease_token, at=darkroom.clock(), why="test")
    )
    await worker.context.group_commit.stop()
    assert written.done()
    assert (await darkroom.job(job_id)).status == "queued"
