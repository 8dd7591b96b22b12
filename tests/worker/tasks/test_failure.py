"""A failed call: what follows for its job and for its channel."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.queries.campaigns.settings import save_campaign
from models.queries.leases import leased_jobs, leased_to
from tests.support.darkroom import Darkroom, open_darkroom
from worker.lifecycle import commit, start
from worker.maintenance.reaper import reclaim
from worker.scheduler.learned_limits import LearnedLimits


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as opened:
        yield opened


async def test_an_input_picture_that_can_not_be_loaded_costs_two_calls_at_most(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"case": "E011"}, max_attempts=5)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "queued"
    darkroom.clock.forward(minutes=10)
    await worker.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"]) == ("failed", "input_image_unreachable")
    assert "it failed in the same way twice" in job.error["message"]
    assert len(darkroom.provider.call_log.calls) == 2


async def test_a_days_limit_parks_job_and_model_until_its_reset(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"case": "E080"})
    await worker.run_round()
    job, channel, now = await darkroom.job(job_id), await darkroom.channel(), darkroom.clock()
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert job.status == "queued"
    assert (await darkroom.attempts(job_id))[0].error_code == "daily_limit"
    assert job.not_before >= tomorrow
    assert channel.cooldown_until is None
    until = LearnedLimits.from_row(channel).cooldown_until(job.model, now)
    assert until is not None
    assert until >= tomorrow


async def test_refusals_that_cost_nothing_use_up_no_attempt_however_many(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    practice = {"fail": "429", "times": 5, "retry_after": 1, "deliver": "markdown_data"}
    job_id = await darkroom.submit(await darkroom.caller(), practice=practice, max_attempts=1)
    for _ in range(6):
        await worker.run_round()
        darkroom.clock.forward(hours=1)
    job, calls = await darkroom.job(job_id), await darkroom.attempts(job_id)
    assert (job.status, job.attempts_used) == ("succeeded", 1)
    assert [call.error_code for call in calls] == ["rate_limited"] * 5 + [None]


@pytest.mark.parametrize(
    ("campaign", "own", "calls"),
    [
        (None, None, 3),
        ({"retry": {"attempts": 1}}, None, 2),
        ({"retry": {"attempts": 1}}, {"retry": {"attempts": 0}}, 1),
        ({"retry": {"attempts": 0}}, {"retry": {"attempts": 9, "counts": False}}, 5),
    ],
)
async def test_the_rules_of_job_and_campaign_decide_how_often_a_job_calls(
    darkroom: Darkroom, campaign: dict[str, Any] | None, own: dict[str, Any] | None, calls: int
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    async with darkroom.services.database.writing() as connection:
        await save_campaign(connection, caller, "night", retry=campaign, at=darkroom.clock())
    job_id = await darkroom.submit(caller, practice={"fail": "500"}, campaign="night", retry=own)
    for _ in range(5):
        await worker.run_round()
        darkroom.clock.forward(hours=1)
    job = await darkroom.job(job_id)
    assert len(await darkroom.attempts(job_id)) == calls
    assert job.status == ("queued" if calls == 5 else "failed")


async def test_retry_rules_hold_for_calls_of_dead_workers_too(darkroom: Darkroom) -> None:
    worker, rules = await darkroom.worker(), {"ambiguous": {"base": 50, "jitter": "none"}}
    job_id = await darkroom.submit(await darkroom.caller(), on_unknown="retry", retry=rules)
    await worker.dispatcher.run_round()
    (_, _, lease), now = worker.messages[0], darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        (row,) = await leased_jobs(connection, [job_id], lease, "leased")
        await commit(connection, [start(row, worker=worker.context.worker_id, at=now)])
        left = await leased_to(connection, worker.context.worker_id)
        await reclaim(connection, left, worker.context.worker_id, darkroom.services.policies, now)
    job = await darkroom.job(job_id)
    assert (job.status, job.not_before - now) == ("queued", timedelta(seconds=50))
    assert job.attempts_used == 1
