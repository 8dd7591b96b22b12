"""The paid call of one job, from its lease to its images or its failure."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from models.ids import public_id
from models.queries.leases import leased_to
from models.serializers import job_view
from models.states import JobStatus
from models.tables import assets
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.tasks.beats import heartbeat
from worker.lifecycle import cancel_job, retry_job
from worker.maintenance.reaper import reclaim
from worker.practice.drawing.png import prompt_of
from worker.scheduler.learned_limits import LearnedLimits


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


async def test_a_job_becomes_a_stored_picture_of_its_own_prompt(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller(), "a red fox")
    await worker.run_round()
    job, (asset,), (attempt,) = (
        await darkroom.job(job_id),
        await darkroom.assets(job_id),
        await darkroom.attempts(job_id),
    )
    assert (job.status, job.progress, job.worker_id, job.error) == ("succeeded", 100, None, None)
    assert prompt_of(await darkroom.services.store.get(asset.key)) == "a red fox"
    assert (attempt.outcome, attempt.http_status) == ("success", 200)
    assert "base64" not in (job.text or "")
    assert (await darkroom.statuses(job_id))[:3] == ["queued", "leased", "running"]
    assert worker.context.in_flight.jobs == {}


async def test_a_linked_image_is_stored_in_a_stage_of_its_own(darkroom: Darkroom) -> None:
    practice = {"deliver": "download_link"}
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice=practice),
    )
    await worker.run_round()
    assert (await darkroom.statuses(job_id))[-2:] == ["storing", "succeeded"]
    assert (await darkroom.assets(job_id))[0].source_url.startswith(darkroom.provider.url)


async def test_a_dead_link_is_tried_again_without_a_second_call(darkroom: Darkroom) -> None:
    practice = {"deliver": "markdown_url", "fail": "dead_link", "times": 2}
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice=practice),
    )
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "storing"
    for _ in range(3):
        darkroom.clock.forward(seconds=10)
        await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(darkroom.provider.call_log.calls) == 1


async def test_too_many_requests_cool_the_model_and_the_job_comes_back(darkroom: Darkroom) -> None:
    practice = {"fail": "429", "times": 1, "retry_after": 7}
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice=practice),
    )
    await worker.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.backing_off, job.attempts_used) == ("queued", True, 0)  # it cost nothing
    learned = LearnedLimits.from_row(await darkroom.channel())
    assert learned.cooldown_until(job.model, darkroom.clock()) is not None
    assert job.not_before > darkroom.clock()
    await worker.run_round()
    assert len(darkroom.provider.call_log.calls) == 1
    darkroom.clock.forward(seconds=30)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"


async def test_a_refused_key_shuts_the_channel_and_burns_no_attempt(darkroom: Darkroom) -> None:
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice={"fail": "401"}),
    )
    await worker.run_round()
    job, channel = await darkroom.job(job_id), await darkroom.channel()
    assert (job.status, job.attempts_used) == ("queued", 0)
    assert channel.tripped_at is not None
    assert channel.tripped_reason
    darkroom.clock.forward(minutes=5)
    await worker.run_round()
    assert len(darkroom.provider.call_log.calls) == 1


async def test_attempts_run_out_and_the_error_says_so(darkroom: Darkroom) -> None:
    practice = {"fail": "502"}
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice=practice, max_attempts=2)
    for _ in range(3):
        await worker.run_round()
        darkroom.clock.forward(minutes=10)
    job = await darkroom.job(job_id)
    assert job.status == "failed"
    assert "2 of 2 attempts" in job.error["message"]
    assert len(darkroom.provider.call_log.calls) == 2


@pytest.mark.parametrize(
    ("on_unknown", "status"),
    [("hold", "held"), ("fail", "failed"), ("retry", "queued"), ("retry_once", "queued")],
)
async def test_a_cut_answer_follows_the_jobs_own_policy(
    darkroom: Darkroom, on_unknown: str, status: str
) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"fail": "cut"}, on_unknown=on_unknown)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == status
    assert (await darkroom.attempts(job_id))[0].outcome == "ambiguous"


async def test_retry_once_pays_for_an_unknown_outcome_a_single_time(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"fail": "cut"}, on_unknown="retry_once")
    for _ in range(4):
        await worker.run_round()
        darkroom.clock.forward(minutes=10)
    assert (await darkroom.job(job_id)).status == "failed"
    assert len(darkroom.provider.call_log.calls) == 2


async def test_a_held_job_can_be_started_again_as_a_new_generation(darkroom: Darkroom) -> None:
    practice = {"fail": "cut", "times": 1}
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice=practice),
    )
    await worker.run_round()
    async with darkroom.services.database.writing() as connection:
        assert await retry_job(connection, job_id, at=darkroom.clock())
    await worker.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.generation) == ("succeeded", 2)
    assert [row.number for row in await darkroom.attempts(job_id)] == [1, 2]


async def test_cancelling_a_running_job_drops_the_call_and_keeps_the_attempt(darkroom: Darkroom) -> None:
    worker, job_id = (
        await darkroom.worker(),
        await darkroom.submit(await darkroom.caller(), practice={"fail": "hang"}),
    )
    await worker.dispatcher.run_round()
    working = asyncio.create_task(worker.deliver())
    await darkroom.provider.call_log.wait_until(lambda log: log.in_flight == 1)
    async with darkroom.services.database.writing() as connection:
        assert await cancel_job(connection, job_id, at=darkroom.clock())
        assert not await cancel_job(connection, job_id, at=darkroom.clock())
    assert (await darkroom.job(job_id)).worker_id is not None
    await heartbeat(worker).beat()
    await working
    await heartbeat(worker).beat()
    job, (attempt,) = await darkroom.job(job_id), await darkroom.attempts(job_id)
    assert (job.status, job.worker_id) == ("cancelled", None)
    assert attempt.outcome == "ambiguous"
    assert (await darkroom.statuses(job_id))[-1] == "cancelled"


async def test_two_workers_together_never_exceed_a_channels_concurrency(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_concurrency=3) as darkroom:
        caller = await darkroom.caller()
        for number in range(8):
            await darkroom.submit(caller, f"cat {number}")
        workers = [await darkroom.worker(slots=2) for _ in range(3)]
        await asyncio.gather(*(worker.dispatcher.run_round() for worker in workers))
        for worker in workers:
            await worker.dispatcher.run_round()
        assert sum(len(worker.context.in_flight.jobs) for worker in workers) == 3


async def test_callers_take_turns_even_when_one_was_first_with_many(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_concurrency=4) as darkroom:
        first, second = await darkroom.caller(), await darkroom.caller()
        many = [await darkroom.submit(first, f"many {number}") for number in range(10)]
        few = [await darkroom.submit(second, f"few {number}") for number in range(2)]
        worker = await darkroom.worker()
        await worker.dispatcher.run_round()
        assert len(set(few) & set(worker.context.in_flight.jobs)) == 2
        assert len(set(many) & set(worker.context.in_flight.jobs)) == 2


async def test_a_job_that_is_not_due_waits(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    later = darkroom.clock() + (darkroom.clock() - darkroom.clock().replace(year=2025))
    job_id = await darkroom.submit(await darkroom.caller(), not_before=later)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "queued"


async def test_the_jobs_of_a_dead_worker_are_released_held_or_resumed(darkroom: Darkroom) -> None:
    caller, dead, other = await darkroom.caller(), await darkroom.worker(), await darkroom.worker()
    leased = await darkroom.submit(caller, "only leased")
    await dead.dispatcher.run_round()
    running = await darkroom.submit(caller, "in flight", practice={"fail": "hang"})
    await dead.dispatcher.run_round()
    call = asyncio.create_task(dead.deliver_only(running))
    await darkroom.provider.call_log.wait_until(lambda log: log.in_flight == 1)
    beats = heartbeat(other)
    for _ in range(4):
        await beats.beat()
        darkroom.clock.forward(seconds=darkroom.services.settings.worker_timeout / 3)
    await beats.beat()
    assert (await darkroom.job(leased)).status == "queued"
    job = await darkroom.job(running)
    assert (job.status, job.error["code"]) == ("held", "connection_lost")
    assert [row.outcome for row in await darkroom.attempts(running)] == ["ambiguous"]
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await other.run_round()
    assert (await darkroom.job(leased)).status == "succeeded"
    assert (await darkroom.job(leased)).attempts_used == 1


async def test_after_an_outage_the_first_worker_back_does_not_reap_the_others(darkroom: Darkroom) -> None:
    one, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"fail": "hang"})
    await one.dispatcher.run_round()
    call = asyncio.create_task(one.deliver_only(job_id))
    await darkroom.provider.call_log.wait_until(lambda log: log.in_flight == 1)
    beats = [heartbeat(other), heartbeat(one)]
    for beat in beats:
        await beat.beat()
    darkroom.clock.forward(minutes=5)
    for _ in range(5):
        for beat in beats:
            await beat.beat()
        darkroom.clock.forward(seconds=darkroom.services.settings.worker_timeout / 3)
    job = await darkroom.job(job_id)
    assert (job.status, job.worker_id) == ("running", one.context.worker_id)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_a_worker_that_was_reaped_can_write_nothing_any_more(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        leased = await leased_to(connection, worker.context.worker_id, [job_id])
        await reclaim(
            connection, leased, worker.context.worker_id, darkroom.services.policies, darkroom.clock()
        )
    await worker.deliver()
    assert (await darkroom.job(job_id)).status == JobStatus.QUEUED
    assert darkroom.provider.call_log.calls == []


async def test_a_worker_that_stops_releases_jobs_it_has_not_sent(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    worker.context.in_flight.halt.set()
    await worker.deliver()
    job = await darkroom.job(job_id)
    assert (job.status, job.attempts_used, job.worker_id) == ("queued", 0, None)
    assert darkroom.provider.call_log.calls == []


async def test_a_missed_start_is_released_so_that_the_rate_limit_holds(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_rpm=600) as darkroom:
        worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
        await worker.dispatcher.run_round()
        darkroom.clock.forward(seconds=3)
        await worker.deliver()
        assert (await darkroom.job(job_id)).status == "queued"
        assert darkroom.provider.call_log.calls == []
        await worker.run_round()
        assert (await darkroom.job(job_id)).status == "succeeded"


async def test_a_text_job_succeeds_with_a_text_and_no_image(darkroom: Darkroom) -> None:
    practice = {"says": "1. a cat\n2. a dog"}
    request = {"images": [], "params": {"practice": practice}, "wants": "text"}
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), request=request)
    await worker.run_round()
    job, (attempt,) = await darkroom.job(job_id), await darkroom.attempts(job_id)
    assert (job.status, job.text, job.error) == ("succeeded", "1. a cat\n2. a dog", None)
    assert (attempt.outcome, await darkroom.assets(job_id)) == ("success", [])


async def test_a_text_job_fails_when_the_model_refuses(darkroom: Darkroom) -> None:
    request = {"images": [], "params": {"practice": {"fail": "refusal"}}, "wants": "text"}
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), request=request, max_attempts=1)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "failed"


async def test_a_retry_keeps_the_images_of_the_generation_before_apart(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.run_round()
    async with darkroom.services.database.writing() as connection:
        assert await retry_job(connection, job_id, at=darkroom.clock())
    await worker.run_round()
    rows = await darkroom.assets(job_id)
    assert sorted((row.generation, row.position) for row in rows) == [(1, 0), (2, 0)]
    view = job_view(await darkroom.job(job_id), public_url="", assets=rows)
    first, second = sorted(rows, key=lambda row: row.generation)
    former, present = public_id("asset", first.id), public_id("asset", second.id)
    assert [each["id"] for each in view["assets"]] == [present]
    assert [(each["id"], each["generation"]) for each in view["former_assets"]] == [(former, 1)]


async def test_an_image_that_an_older_worker_stored_gets_its_generation_with_the_retry(
    darkroom: Darkroom,
) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.run_round()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(assets).values(generation=None))
    rows = await darkroom.assets(job_id)
    assert len(job_view(await darkroom.job(job_id), public_url="", assets=rows)["assets"]) == 1
    async with darkroom.services.database.writing() as connection:
        assert await retry_job(connection, job_id, at=darkroom.clock())
    rows = await darkroom.assets(job_id)
    view = job_view(await darkroom.job(job_id), public_url="", assets=rows)
    assert (view["assets"], len(view["former_assets"])) == ([], 1)
