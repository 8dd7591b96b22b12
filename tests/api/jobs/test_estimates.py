"""Queue positions and ETAs, as callers see them."""

from datetime import timedelta
from typing import Any

import pytest

from models.channels import ChannelSettings
from models.clock import now
from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.channels import sync_channels
from models.queries.workers import write_heartbeat
from tests.api.service import ADMIN, BOB, S, Service, key_of

CHANNEL = {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k", "models": ["*"], "rpm": 60}
WORKER = {"id": new_id(), "name": "w", "version": "0", "slots": 90, "stopping_at": None}


@pytest.fixture
async def busy(service: Service) -> Service:
    """An API with one channel of one call a second, on which a call of ten seconds has ended."""
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(CHANNEL)], now())
        await write_heartbeat(connection, {**WORKER, "started_at": now()}, now())
    job = await service.submit(campaign="old")
    await ended_call(service, job, seconds=10)
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.SUCCEEDED)
    return service


async def ended_call(service: Service, job: dict[str, Any], *, seconds: float) -> None:
    result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
    record = AttemptRecord.of(key_of(job), 1, result, finished_at=now())
    async with service.services.database.writing() as connection:
        await insert_attempts(connection, [sent_call(job, seconds=seconds)])
        await finish_attempts(connection, [record])


def sent_call(job: dict[str, Any], *, seconds: float) -> NewAttempt:
    """Return a call that was sent some seconds ago."""
    return NewAttempt(
        job_id=key_of(job),
        number=1,
        generation=1,
        channel="one",
        worker_id=new_id(),
        sent_at=now() - timedelta(seconds=seconds),
    )


async def test_callers_take_turns_and_see_queue_position_and_eta(busy: Service) -> None:
    mine = [await busy.submit(prompt=f"{n}") for n in range(3)]
    theirs = await busy.with_key(BOB).submit()
    places = [(await busy.read(job))["queue_position"] for job in mine]
    other = (await busy.with_key(BOB).read(theirs))["queue_position"]
    assert sorted([*places, other]) == [1, 2, 3, 4]
    assert other <= 2
    last = await busy.read(mine[2])
    assert last["queue_position_capped"] is False
    assert last["eta"]["p50"] == pytest.approx(13, abs=1)
    assert last["eta"]["p50"] <= last["eta"]["p90"]
    assert (last["eta"]["limiting_factor"], last["eta"]["p50_at"] > last["created_at"]) == (
        "rate_limit",
        True,
    )


async def test_a_job_that_is_not_due_has_no_queue_position(busy: Service) -> None:
    job = await busy.read(await busy.submit(not_before="2100-01-01T00:00:00Z"))
    assert (job["queue_position"], job["eta"]["limiting_factor"]) == (None, "not_before")


async def test_the_eta_of_a_running_job_is_the_rest_of_a_typical_call(busy: Service) -> None:
    job = await busy.submit()
    async with busy.services.database.writing() as connection:
        await insert_attempts(connection, [sent_call(job, seconds=4)])
    await busy.move(job, S.QUEUED, S.LEASED, S.RUNNING)
    shown = await busy.read(job)
    assert (shown["queue_position"], shown["eta"]["p50"]) == (None, pytest.approx(6, abs=1))


async def test_lists_have_no_estimates(busy: Service) -> None:
    await busy.submit()
    [shown, _] = (await busy.get("/v1/jobs")).json()["data"]
    assert (shown["queue_position"], shown["eta"], shown["waiting"]["reason"]) == (None, None, "fair_share")


async def test_the_etag_changes_with_the_queue_position(busy: Service) -> None:
    ahead, job = await busy.submit(), await busy.submit()
    first = await busy.get(f"/v1/jobs/{job['id']}")
    assert first.json()["queue_position"] == 2
    again = await busy.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    await busy.post(f"/v1/jobs/{ahead['id']}/cancel")
    busy.services.estimates.clear()
    again = await busy.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.json()["queue_position"]) == (200, 1)


async def test_the_eta_of_a_campaign_has_its_remaining_jobs(busy: Service) -> None:
    body = {"jobs": [{"model": "gpt-image", "prompt": str(n), "campaign": "spring"} for n in range(90)]}
    assert (await busy.post("/v1/jobs", json=body)).status_code == 202
    await busy.submit(campaign="other")
    running = await busy.submit(campaign="spring")
    await busy.move(running, S.QUEUED, S.LEASED, S.RUNNING)
    await ended_call(busy, running, seconds=1)
    found = (await busy.get("/v1/jobs/eta?campaign=spring")).json()
    assert (found["remaining"]["queued"], found["remaining"]["running"]) == (90, 1)
    assert (found["calls_last_minute"], found["queued_capped"]) == (1, False)
    assert found["eta"]["p50"] == pytest.approx(90 + 10, abs=6)
    assert found["eta"]["limiting_factor"] == "rate_limit"
    everything = (await busy.get("/v1/jobs/eta")).json()
    assert everything["remaining"]["queued"] == 91


async def test_a_set_without_remaining_jobs_has_no_eta(busy: Service) -> None:
    found = (await busy.get("/v1/jobs/eta?campaign=old&model=gpt-image")).json()
    assert (found["eta"], set(found["remaining"].values())) == (None, {0})
    assert (await busy.get("/v1/jobs/eta?status=queued")).status_code == 422


async def test_a_paused_channel_allows_no_eta(busy: Service) -> None:
    job = await busy.submit(campaign="spring")
    assert (await busy.with_key(ADMIN).post("/v1/channels/one/pause")).status_code == 200
    assert (await busy.read(job))["eta"] == {
        **dict.fromkeys(("p50", "p90", "p50_at", "p90_at")),
        "limiting_factor": "paused",
    }
    found = (await busy.get("/v1/jobs/eta?campaign=spring")).json()
    assert (found["eta"]["p50"], found["eta"]["limiting_factor"]) == (None, "paused")
