"""Leases: what a worker reads of the jobs leased to it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from models.ids import new_id
from models.queries.campaigns.settings import save_campaign
from models.queries.leases import any_overdue, leased_jobs, leased_to, lock_overdue
from models.states import JobStatus, OnUnknown
from models.tables import callers, channels
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_a_leased_job_has_what_its_channel_caller_and_campaign_say(darkroom: Darkroom) -> None:
    worker, caller, limits = await darkroom.worker(), await darkroom.caller(), {"": {"rps": 1.0}}
    rules = {"retry": {"attempts": 1}}
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(channels).values(rpm=60, limits=limits))
        await connection.execute(update(callers).values(rpm=30))
        await save_campaign(connection, caller, "night", retry=rules, at=darkroom.clock())
    job_id = await darkroom.submit(caller, campaign="night")
    await worker.dispatcher.run_round()
    (_, _, lease) = worker.messages[0]
    async with darkroom.services.database.reading() as connection:
        (job,) = await leased_jobs(connection, [job_id], lease, JobStatus.LEASED)
        assert await leased_to(connection, worker.context.worker_id, [job_id]) == [job]
        assert await leased_jobs(connection, [job_id], new_id(), JobStatus.LEASED) == []
        assert await leased_jobs(connection, [job_id], lease, JobStatus.STORING) == []
    assert (job.status, job.on_unknown, job.next_number) == (JobStatus.LEASED, OnUnknown.HOLD, 1)
    assert (job.channel, job.channel_rpm, job.channel_limits) == ("upstream", 60, limits)
    assert (job.caller_rpm, job.campaign_retry, job.lease_token) == (30, rules, lease)


async def test_only_queued_jobs_past_their_deadline_are_overdue(darkroom: Darkroom) -> None:
    caller, at = await darkroom.caller(), darkroom.clock()
    late = await darkroom.submit(caller, expires_at=at)
    await darkroom.submit(caller, expires_at=at + timedelta(seconds=1))
    await darkroom.submit(caller, expires_at=at, status="held")
    async with darkroom.services.database.writing() as connection:
        assert await any_overdue(connection, at)
        assert not await any_overdue(connection, at - timedelta(seconds=1))
        assert [row.id for row in await lock_overdue(connection, at, limit=9)] == [late]
