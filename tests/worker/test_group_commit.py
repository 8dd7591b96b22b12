"""Group commit: the updates of many jobs in one transaction."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from models.outcomes import JobError
from models.queries.leases import leased_to
from tests.support.darkroom import Darkroom, open_darkroom
from worker.lifecycle import fail, release_lease


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
    with pytest.raises(TypeError):
        await broken
    assert (await darkroom.job(bad)).status == "leased"


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
