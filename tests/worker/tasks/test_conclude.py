"""What follows a call that brought no picture, in the job and in its channel."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as opened:
        yield opened


async def test_an_input_picture_that_can_not_be_loaded_costs_two_calls_at_most(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"case": "E011"}, max_attempts=5)
    await worker.look_and_work()
    assert (await darkroom.job(job_id)).status == "queued"
    darkroom.clock.forward(minutes=10)
    await worker.look_and_work()
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"]) == ("failed", "input_image_unreachable")
    assert "it failed in the same way twice" in job.error["message"]
    assert len(darkroom.provider.ledger.calls) == 2


async def test_a_days_limit_parks_job_and_channel_until_its_reset(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"case": "E080"})
    await worker.look_and_work()
    job, channel, now = await darkroom.job(job_id), await darkroom.channel(), darkroom.clock()
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert job.status == "queued"
    assert (await darkroom.attempts(job_id))[0].error_code == "daily_limit"
    assert job.not_before >= tomorrow
    assert channel.cooldown_until >= tomorrow
