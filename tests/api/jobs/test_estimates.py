"""Queue positions and ETAs, as callers see them."""

import pytest

from models.queries.attempts import insert_attempts
from tests.api.busy_channel import make_busy, sent_call
from tests.api.service import BOB, S, Service


@pytest.fixture
async def busy(service: Service) -> Service:
    return await make_busy(service)


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
