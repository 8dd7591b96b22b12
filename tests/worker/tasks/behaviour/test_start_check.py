"""The checks between a lease and the first byte of its call."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models.queries.channels import pause, pause_model
from models.tables import callers, channels, jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.tasks.beats import heartbeat
from worker.practice.server import start_practice
from worker.scheduler.adaptive_rate import AdaptiveRate
from worker.scheduler.learned_limits import LearnedLimits, LearnedState


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice, upstream_rpm=60) as opened:
        yield opened


async def start_while_the_database_is_slow(darkroom: Darkroom, **slow: Any) -> Any:
    """Deliver one job's message while another transaction holds the lock of the job's row for this long."""
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update())
        delivery = asyncio.create_task(worker.deliver())
        while not worker.context.group_commit.busy:  # noqa: ASYNC110 - the group commit has no event for that
            await asyncio.sleep(0)
        darkroom.clock.forward(**slow)
    await delivery
    return worker, job_id


async def test_a_start_whose_commit_took_too_long_is_undone_without_an_attempt(
    darkroom: Darkroom,
) -> None:
    worker, job_id = await start_while_the_database_is_slow(darkroom, seconds=5)
    job = await darkroom.job(job_id)
    assert (job.status, job.attempts_used, job.started_at, job.worker_id) == ("queued", 0, None, None)
    assert await darkroom.attempts(job_id) == []
    assert darkroom.provider.call_log.calls == []
    assert "its start time was missed" in (await darkroom.events(job_id))[-1].detail
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert [attempt.number for attempt in await darkroom.attempts(job_id)] == [1]


async def test_a_start_whose_commit_took_a_moment_goes_ahead(darkroom: Darkroom) -> None:
    _, job_id = await start_while_the_database_is_slow(darkroom, seconds=0.5)
    assert (await darkroom.job(job_id)).status == "succeeded"


async def start_late(darkroom: Darkroom, caller: UUID) -> UUID:
    worker, job_id = await darkroom.worker(), await darkroom.submit(caller)
    await worker.dispatcher.run_round()
    darkroom.clock.forward(seconds=1.5)
    await worker.deliver()
    return job_id


async def test_a_start_too_late_for_the_channels_rate_limit_is_released(darkroom: Darkroom) -> None:
    job_id = await start_late(darkroom, await darkroom.caller())
    assert (await darkroom.job(job_id)).status == "queued"
    assert await darkroom.attempts(job_id) == []


@pytest.mark.parametrize(("row", "own", "status"), [(60, None, "queued"), (None, 60, "succeeded")])
async def test_a_late_start_is_checked_by_the_channels_row_and_not_by_the_workers_settings(
    plain_database_url: str, tmp_path: Path, row: float | None, own: float | None, status: str
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice, upstream_rpm=own) as darkroom:
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(rpm=row))
        job_id = await start_late(darkroom, await darkroom.caller())
        assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize(("model", "status"), [("practice-image", "queued"), ("another", "succeeded")])
async def test_a_start_too_late_for_its_models_rate_limit_is_released(
    darkroom: Darkroom, model: str, status: str
) -> None:
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(channels).values(rpm=None, limits={model: {"rpm": 60}}))
    job_id = await start_late(darkroom, await darkroom.caller())
    assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize(("model", "status"), [("practice-image", "queued"), ("another", "succeeded")])
async def test_a_start_too_late_for_a_learned_rate_is_released(
    darkroom: Darkroom, model: str, status: str
) -> None:
    rate = AdaptiveRate(rate=30.0, resumed=darkroom.clock() - timedelta(minutes=9))
    learned = LearnedLimits().having(model, LearnedState(rate), darkroom.clock())
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(channels).values(rpm=None, **learned.columns()))
    job_id = await start_late(darkroom, await darkroom.caller())
    assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize(("rpm", "status"), [(30, "queued"), (None, "succeeded")])
async def test_a_start_too_late_for_the_callers_rate_limit_is_released(
    plain_database_url: str, tmp_path: Path, rpm: float | None, status: str
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
        caller = await darkroom.caller()
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(callers).values(rpm=rpm))
        job_id = await start_late(darkroom, caller)
        assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize(("rpd", "status"), [(9, "queued"), (None, "succeeded")])
async def test_a_start_of_yesterday_is_not_used_where_the_day_is_limited(
    plain_database_url: str, tmp_path: Path, rpd: int | None, status: str
) -> None:
    practice = await start_practice(picture="tiny", deliver="markdown_data", interval=0)
    one: dict[str, Any] = {"name": "one", "base_url": practice.url, "models": ["*"], "rpd": rpd}
    settings = {"channels": [{**one, "api_key": "practice-key-practice"}], "upstream_base_url": None}
    try:
        async with open_darkroom(plain_database_url, tmp_path, practice={}, **settings) as darkroom:
            darkroom.clock.at = darkroom.clock().replace(hour=23, minute=59, second=59)
            job_id = await start_late(darkroom, await darkroom.caller())
            assert (await darkroom.job(job_id)).status == status
    finally:
        await practice.stop()


@pytest.mark.parametrize("model", [None, "practice-image"])
async def test_a_lease_on_a_channel_that_was_stopped_meanwhile_is_released(
    darkroom: Darkroom, model: str | None
) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        if model:
            await pause_model(connection, "upstream", model, "tea", darkroom.clock())
        else:
            await pause(connection, "upstream", "tea", darkroom.clock())
    await worker.dispatcher.run_round()
    await worker.deliver()
    assert (await darkroom.job(job_id)).status == "queued"
    assert await darkroom.attempts(job_id) == []


async def test_a_job_past_its_deadline_does_not_start(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job_id = await darkroom.submit(caller, expires_at=darkroom.clock() + timedelta(seconds=0.2))
    await worker.dispatcher.run_round()
    darkroom.clock.forward(seconds=0.5)
    await worker.deliver()
    assert await darkroom.attempts(job_id) == []
    assert "deadline has passed" in (await darkroom.events(job_id))[-1].detail


async def test_a_job_that_waits_for_its_start_is_released_when_its_channel_is_paused(
    darkroom: Darkroom,
) -> None:
    worker, job_id = await darkroom.worker(slots=1), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(jobs).values(start_at=darkroom.clock() + timedelta(hours=1)))
        await pause(connection, "upstream", "tea", darkroom.clock())
    delivery = asyncio.create_task(worker.deliver())
    await heartbeat(worker).beat()
    async with asyncio.timeout(20):
        await delivery
    assert (await darkroom.job(job_id)).status == "queued"
    assert (await darkroom.events(job_id))[-1].detail == "the channel was stopped"
    assert await darkroom.attempts(job_id) == []
