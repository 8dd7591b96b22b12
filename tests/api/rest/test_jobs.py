"""Jobs of a caller: long polling, lists, cancel, retry."""

import asyncio
from datetime import timedelta

import pytest

from models.clock import now, rfc3339
from models.ids import new_id
from models.queries.transitions import Transition, apply
from models.states import JobStatus
from tests.api.service import ADMIN, BOB, JOB, Service, key_of

S = JobStatus


async def test_a_long_poll_responds_as_soon_as_the_job_changes(service: Service) -> None:
    job = await service.submit()
    polling = asyncio.create_task(
        service.get(f"/v1/jobs/{job['id']}", params={"wait": 60, "after_revision": 1})
    )
    await asyncio.sleep(0)
    await service.move(job, S.QUEUED, S.LEASED)

    answer = await asyncio.wait_for(polling, 10)
    assert (answer.json()["status"], answer.json()["revision"]) == ("leased", 2)


async def test_a_long_poll_without_a_change_ends_at_its_timeout(service: Service) -> None:
    job = await service.submit()
    answer = await service.get(f"/v1/jobs/{job['id']}", params={"wait": 1, "after_revision": 1})
    assert (answer.status_code, answer.json()["revision"]) == (200, 1)


async def test_a_submit_that_prefers_to_wait_returns_the_finished_job(service: Service) -> None:
    async def cancel_it() -> None:
        found: list[dict[str, str]] = []
        while not found:
            found = (await service.get("/v1/jobs")).json()["data"]
        await service.post(f"/v1/jobs/{found[0]['id']}/cancel")

    answer, _ = await asyncio.gather(
        service.post("/v1/jobs", json=JOB, headers={"Prefer": "respond-async, wait=60"}), cancel_it()
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.headers["preference-applied"] == "wait=50"


async def test_a_job_whose_images_are_stored_later_says_why_and_when(service: Service) -> None:
    job = await service.submit()
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.STORING, lease_token=new_id())
    assert (await service.read(job))["waiting"] is None
    later = now() + timedelta(seconds=15)
    full = Transition(
        key_of(job),
        S.STORING,
        S.STORING,
        now(),
        changes={"lease_token": None, "not_before": later},
        detail="the disk is full",
    )
    async with service.services.database.writing() as connection:
        assert await apply(connection, [full])
    waiting = (await service.read(job))["waiting"]
    assert (waiting["reason"], waiting["detail"]) == ("storage", "the disk is full")
    assert waiting["next_eligible_at"] == rfc3339(later)


async def test_a_submit_whose_wait_times_out_is_still_accepted(service: Service) -> None:
    answer = await service.post("/v1/jobs", json=JOB, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def test_pages_list_every_job_once_newest_first(service: Service) -> None:
    made = [(await service.submit(prompt=f"cat {n}"))["id"] for n in range(7)]
    seen: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = (await service.get("/v1/jobs", params={"limit": 3, **before})).json()
        seen += [job["id"] for job in page["data"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"model": "a"}, ["two", "one"]),
        ({"campaign": "spring"}, ["three", "two"]),
        ({"tag": "猫"}, ["three"]),
        ({"tag": 'a"b'}, ["one"]),
        ({"status": "cancelled"}, ["one"]),
        ({"status": "cancelled,queued"}, ["three", "two", "one"]),
        ({"status": "failed"}, []),
        ({"model": "a", "campaign": "spring", "status": "queued"}, ["two"]),
        ({"error_code": "none"}, []),
        ({"created_after": "2026-01-01T00:00:00Z"}, ["three", "two", "one"]),
        ({"created_before": "2026-01-01T00:00:00Z"}, []),
        ({"finished_after": "2026-01-01T00:00:00Z"}, ["one"]),
    ],
)
async def test_lists_can_be_filtered(service: Service, query: dict[str, str], expected: list[str]) -> None:
    one = await service.submit(prompt="one", model="a", tags=['a"b'])
    await service.submit(prompt="two", model="a", campaign="spring")
    await service.submit(prompt="three", model="b", campaign="spring", tags=["x", "猫"])
    await service.post(f"/v1/jobs/{one['id']}/cancel")

    page = (await service.get("/v1/jobs", params=query)).json()
    assert [job["prompt"] for job in page["data"]] == expected


async def test_jobs_can_be_listed_by_id_among_ones_own(service: Service) -> None:
    one, two = await service.submit(), await service.submit()
    foreign = await service.with_key(BOB).submit()
    ids = ",".join([one["id"], foreign["id"], two["id"], "job_01h455vb4pex5vsknk084sn02q"])
    page = (await service.get("/v1/jobs", params={"ids": ids})).json()
    assert [job["id"] for job in page["data"]] == [two["id"], one["id"]]
    wrong = await service.get("/v1/jobs", params={"ids": "job_1"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "ids")


async def test_a_cancelled_job_may_be_cancelled_again_but_a_finished_one_not(service: Service) -> None:
    job = await service.submit()
    for _ in range(2):
        answer = await service.post(f"/v1/jobs/{job['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    failed = await service.submit()
    await service.move(failed, S.QUEUED, S.FAILED)
    answer = await service.post(f"/v1/jobs/{failed['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_finished_job_can_be_retried_and_an_open_one_not(service: Service) -> None:
    job = await service.submit()
    assert (await service.post(f"/v1/jobs/{job['id']}/retry")).status_code == 409

    await service.move(job, S.QUEUED, S.FAILED)
    answer = await service.post(f"/v1/jobs/{job['id']}/retry")
    again = answer.json()
    assert (answer.status_code, again["status"], again["generation"], again["revision"]) == (
        200,
        "queued",
        2,
        3,
    )


async def test_jobs_of_another_caller_are_not_found(service: Service) -> None:
    job, bob = await service.submit(), service.with_key(BOB)
    unknown = "job_01h455vb4pex5vsknk084sn02q"

    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")):
        foreign = await bob.request(method, f"/v1/jobs/{job['id']}{path}")
        missing = await bob.request(method, f"/v1/jobs/{unknown}{path}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["detail"].replace(job["id"], unknown) == missing.json()["detail"]
    assert (await bob.get("/v1/jobs")).json()["data"] == []
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["status"] == "queued"


async def test_only_admins_see_channels(service: Service) -> None:
    assert (await service.get("/v1/channels")).status_code == 403
    assert (await service.with_key(ADMIN).get("/v1/channels")).json() == {"data": []}
