"""Handing in jobs."""

import asyncio
from datetime import datetime
from unittest.mock import ANY

from models.clock import now
from tests.api.service import JOB, Service


async def test_a_job_is_accepted_with_its_address_and_a_time_to_look_again(service: Service) -> None:
    answer = await service.post("/v1/jobs", json=JOB)

    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"] == f"http://darkroom.test/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert (job["status"], job["revision"], job["progress"]) == ("queued", 1, 0)


async def test_a_job_looks_the_same_when_it_is_read_again(service: Service) -> None:
    job = await service.submit(
        images=["https://pictures.example/a.png"],
        size="16:9",
        n=2,
        params={"style": {"name": "水彩"}},
        priority=9,
        metadata={"order": 7},
        webhook_url="https://hook.example/x",
        max_attempts=5,
        on_unknown="fail",
        expires_at="2100-01-01T00:00:00Z",
        retry={"no_image": {"attempts": 3, "jitter": "equal"}, "rate_limited": {"counts": True}},
        campaign="spring",
        tags=["blue", "猫"],
    )

    told_of_one_job = {"queue_position": 1, "eta": ANY}
    assert (await service.get(f"/v1/jobs/{job['id']}")).json() == job | told_of_one_job


async def test_many_jobs_are_accepted_or_rejected_each_by_its_index(service: Service) -> None:
    jobs = [JOB, {"model": "m"}, JOB | {"prompt": "a dog"}, "nonsense"]

    answer = await service.post("/v1/jobs", json={"jobs": jobs})

    assert answer.status_code == 202
    batch = answer.json()
    assert [each["index"] for each in batch["accepted"]] == [0, 2]
    assert [(each["index"], each["code"]) for each in batch["rejected"]] == [(1, "invalid"), (3, "invalid")]
    assert "prompt" in batch["rejected"][0]["message"]
    for each in batch["accepted"]:
        assert (await service.get(f"/v1/jobs/{each['id']}")).json()["prompt"] == jobs[each["index"]]["prompt"]


async def test_a_thousand_jobs_are_accepted_and_no_more(service: Service) -> None:
    answer = await service.post("/v1/jobs", json={"jobs": [JOB] * 1000})
    assert len(answer.json()["accepted"]) == 1000

    answer = await service.post("/v1/jobs", json={"jobs": [JOB] * 1001})
    assert answer.status_code == 422
    assert len((await service.get("/v1/jobs", params={"limit": 200})).json()["data"]) == 200


async def test_the_same_key_and_body_give_the_same_job(service: Service) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await service.post("/v1/jobs", json=JOB, headers=headers)
    second = await service.post("/v1/jobs", json=JOB, headers=headers)

    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(service: Service) -> None:
    headers = {"Idempotency-Key": "one"}
    await service.post("/v1/jobs", json=JOB, headers=headers)

    answer = await service.post("/v1/jobs", json=JOB | {"n": 2}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await service.get("/v1/jobs")).json()["data"]) == 1


async def test_twenty_equal_requests_at_once_make_one_job(service: Service) -> None:
    headers = {"Idempotency-Key": "twenty"}
    answers = await asyncio.gather(*(service.post("/v1/jobs", json=JOB, headers=headers) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await service.get("/v1/jobs")).json()["data"]) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_many_jobs_are_replayed_with_their_indexes(service: Service) -> None:
    body = {"jobs": [JOB, {}, JOB]}
    first = await service.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"})
    second = await service.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"})

    assert second.headers["idempotency-replayed"] == "true"
    assert first.json() == second.json()


async def test_a_refused_request_does_not_use_up_its_key(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    assert (await service.post("/v1/jobs", json={}, headers=headers)).status_code == 422
    assert (await service.post("/v1/jobs", json=JOB, headers=headers)).status_code == 202


async def test_a_job_shows_its_deadline_and_its_own_retry_rules(service: Service) -> None:
    rules = {"retry": {"base": 5, "cap": 60}, "no_image": {"attempts": 0}, "maintenance": {}}
    soon = await service.submit(expires_in=90.5, retry=rules)
    late = await service.submit(expires_at="2100-01-01T02:00:00+02:00", retry={})
    plain = await service.submit()

    assert 89 < (datetime.fromisoformat(soon["expires_at"]) - now()).total_seconds() <= 91
    assert soon["retry"] == {"retry": {"base": 5.0, "cap": 60.0}, "no_image": {"attempts": 0}}
    assert (late["expires_at"], late["retry"]) == ("2100-01-01T00:00:00.000Z", None)
    assert (plain["expires_at"], plain["retry"]) == (None, None)


async def test_each_of_many_jobs_has_a_deadline_of_its_own(service: Service) -> None:
    jobs = [JOB | {"expires_in": 3600}, JOB, JOB | {"expires_at": "2026-01-01T00:00:00Z"}]
    batch = (await service.post("/v1/jobs", json={"jobs": jobs})).json()

    assert batch["rejected"] == [
        {"index": 2, "code": "invalid", "message": "expires_at: must be in the future"}
    ]
    read = [(await service.get(f"/v1/jobs/{each['id']}")).json() for each in batch["accepted"]]
    assert [job["expires_at"] is None for job in read] == [False, True]
