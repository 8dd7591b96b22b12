"""Looking at jobs, waiting for news, stopping, starting again."""

import asyncio
from datetime import timedelta

import pytest

from models.clock import now, rfc3339
from models.states import JobStatus
from tests.api.service import ADMIN, BOB, JOB, Service, key_of

S = JobStatus


async def test_who_has_the_newest_revision_gets_304(service: Service) -> None:
    job = await service.submit()
    first = await service.get(f"/v1/jobs/{job['id']}")

    again = await service.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    await service.move(job, S.QUEUED, S.LEASED)
    after = await service.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (after.status_code, after.json()["revision"]) == (200, 2)


async def test_a_finished_job_has_no_time_to_look_again(service: Service) -> None:
    job = await service.submit()
    assert "retry-after" in (await service.get(f"/v1/jobs/{job['id']}")).headers

    stopped = await service.post(f"/v1/jobs/{job['id']}/cancel")
    assert "retry-after" not in stopped.headers


async def test_a_long_poll_answers_as_soon_as_there_is_news(service: Service) -> None:
    job = await service.submit()
    asking = asyncio.create_task(
        service.get(f"/v1/jobs/{job['id']}", params={"wait": 60, "after_revision": 1})
    )
    await asyncio.sleep(0)
    await service.move(job, S.QUEUED, S.LEASED)

    answer = await asyncio.wait_for(asking, 10)
    assert (answer.json()["status"], answer.json()["revision"]) == ("leased", 2)


async def test_a_long_poll_without_news_ends_when_its_time_is_up(service: Service) -> None:
    job = await service.submit()
    answer = await service.get(f"/v1/jobs/{job['id']}", params={"wait": 1, "after_revision": 1})
    assert (answer.status_code, answer.json()["revision"]) == (200, 1)


async def test_a_submit_that_prefers_to_wait_gets_the_end(service: Service) -> None:
    async def cancel_it() -> None:
        found: list[dict[str, str]] = []
        while not found:
            found = (await service.get("/v1/jobs")).json()["data"]
        await service.post(f"/v1/jobs/{found[0]['id']}/cancel")

    answer, _ = await asyncio.gather(
        service.post("/v1/jobs", json=JOB, headers={"Prefer": "respond-async, wait=60"}), cancel_it()
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.headers["preference-applied"] == "wait=60"


async def test_a_submit_that_waited_in_vain_is_still_accepted(service: Service) -> None:
    answer = await service.post("/v1/jobs", json=JOB, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def test_pages_hold_every_job_once_newest_first(service: Service) -> None:
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
    ],
)
async def test_lists_can_be_filtered(service: Service, query: dict[str, str], expected: list[str]) -> None:
    one = await service.submit(prompt="one", model="a", tags=['a"b'])
    await service.submit(prompt="two", model="a", campaign="spring")
    await service.submit(prompt="three", model="b", campaign="spring", tags=["x", "猫"])
    await service.post(f"/v1/jobs/{one['id']}/cancel")

    page = (await service.get("/v1/jobs", params=query)).json()
    assert [job["prompt"] for job in page["data"]] == expected


async def test_a_cancelled_job_may_be_cancelled_again_but_a_finished_one_not(service: Service) -> None:
    job = await service.submit()
    for _ in range(2):
        answer = await service.post(f"/v1/jobs/{job['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    failed = await service.submit()
    await service.move(failed, S.QUEUED, S.FAILED)
    answer = await service.post(f"/v1/jobs/{failed['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_finished_job_can_be_started_again_and_an_open_one_not(service: Service) -> None:
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


async def test_another_callers_jobs_are_not_there(service: Service) -> None:
    job, bob = await service.submit(), service.with_key(BOB)
    unknown = "job_01h455vb4pex5vsknk084sn02q"

    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")):
        foreign = await bob.request(method, f"/v1/jobs/{job['id']}{path}")
        missing = await bob.request(method, f"/v1/jobs/{unknown}{path}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["detail"].replace(job["id"], unknown) == missing.json()["detail"]
    assert (await bob.get("/v1/jobs")).json()["data"] == []
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["status"] == "queued"


async def test_callers_do_not_share_idempotency_keys(service: Service) -> None:
    headers = {"Idempotency-Key": "same"}
    mine = await service.post("/v1/jobs", json=JOB, headers=headers)
    theirs = await service.with_key(BOB).post("/v1/jobs", json=JOB, headers=headers)
    assert mine.json()["id"] != theirs.json()["id"]


@pytest.mark.parametrize("key", [None, "wrong-key-0123456789", "Bearer", "é" * 20])
async def test_without_a_good_key_nothing_is_told(service: Service, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    stranger = service.with_key(None)
    for method, path in (
        ("GET", "/v1/jobs"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/channels"),
    ):
        answer = await stranger.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_only_admins_see_channels(service: Service) -> None:
    assert (await service.get("/v1/channels")).status_code == 403
    assert (await service.with_key(ADMIN).get("/v1/channels")).json() == {"data": []}


async def test_a_queued_job_says_what_it_waits_for(service: Service) -> None:
    later = rfc3339(now() + timedelta(hours=1))
    job = await service.submit(not_before=later)
    assert job["waiting"]["reason"] == "not_before"
    assert job["waiting"]["next_eligible_at"] == later
    assert (await service.submit())["waiting"]["reason"] == "no_channel"

    await service.move(job, S.QUEUED, S.LEASED)
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["waiting"] is None


async def test_attempts_and_pictures_are_shown_with_their_job(service: Service) -> None:
    job = await service.submit()
    asset = await service.finish(job, b"picture")
    await service.submit()

    shown = (await service.get(f"/v1/jobs/{job['id']}")).json()
    assert shown["assets"][0]["url"] == f"http://darkroom.test/assets/{asset['token']}/0.png"
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["success"]
    assert (await service.get("/v1/jobs")).json()["data"][1] == shown
    assert key_of(shown) == key_of(job)
