"""GET /v1/jobs/eta."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.tables import channels, jobs
from tests.api.busy_channel import ended_call, make_busy
from tests.api.service import ADMIN, S, Service, key_of


@pytest.fixture
async def busy(service: Service) -> Service:
    return await make_busy(service)


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


async def test_the_wait_after_failed_calls_counts_for_the_last_jobs_of_a_campaign(busy: Service) -> None:
    await busy.submit(campaign="spring")
    last = await busy.submit(campaign="spring")
    until = busy.services.clock() + timedelta(minutes=4)
    async with busy.services.database.writing() as connection:
        failed = {"not_before": until, "backing_off": True}
        await connection.execute(update(jobs).where(jobs.c.id == key_of(last)).values(**failed))
    eta = (await busy.get("/v1/jobs/eta?campaign=spring")).json()["eta"]
    assert eta["p50"] == pytest.approx(240 + 10, abs=6)
    assert eta["limiting_factor"] == "backoff"


async def test_a_job_that_nothing_can_serve_leaves_the_others_their_eta(busy: Service) -> None:
    async with busy.services.database.writing() as connection:
        await connection.execute(update(channels).values(models=["gpt-image"]))
    busy.services.snapshots.clear()
    job = await busy.submit(campaign="spring")
    before = (await busy.get("/v1/jobs/eta?campaign=spring")).json()
    await busy.submit(campaign="spring", model="nothing", allow_unserved=True)
    busy.services.estimates.clear()
    after = (await busy.get("/v1/jobs/eta?campaign=spring")).json()

    assert (before["unserved"], after["unserved"], after["remaining"]["queued"]) == (0, 1, 2)
    assert after["eta"]["p50"] == pytest.approx(before["eta"]["p50"], abs=2)
    assert (await busy.read(job))["eta"]["p50"] == pytest.approx(before["eta"]["p50"], abs=2)
    only = (await busy.get("/v1/jobs/eta?model=nothing")).json()
    assert (only["eta"]["p50"], only["eta"]["limiting_factor"]) == (None, "no_channel")
