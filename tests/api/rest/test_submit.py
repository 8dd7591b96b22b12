"""Submitting jobs, one or a batch."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import mark_configured, sync_channels
from models.tables import jobs
from tests.api.service import JOB, Service


async def test_an_accepted_job_has_a_location_and_retry_after(service: Service) -> None:
    answer = await service.post("/v1/jobs", json=JOB)

    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"] == f"http://darkroom.test/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert (job["status"], job["revision"], job["progress"]) == ("queued", 1, 0)


async def test_a_job_has_the_id_of_its_request_for_the_log_of_workers(service: Service) -> None:
    answer = await service.post("/v1/jobs", json=JOB, headers={"x-request-id": "from-a-proxy.1"})
    assert answer.headers["x-request-id"] == "from-a-proxy.1"
    await service.post("/v1/jobs", json=JOB)
    async with service.services.database.reading() as connection:
        first, second = await connection.scalars(select(jobs.c.request_id).order_by(jobs.c.id))
    assert first == "from-a-proxy.1"
    assert second


async def test_jobs_of_a_batch_are_accepted_or_rejected_by_their_index(service: Service) -> None:
    jobs = [JOB, {"model": "m"}, JOB | {"prompt": "a dog"}, "nonsense"]

    answer = await service.post("/v1/jobs", json={"jobs": jobs})

    assert answer.status_code == 202
    batch = answer.json()
    assert [each["index"] for each in batch["accepted"]] == [0, 2]
    assert [(each["index"], each["code"]) for each in batch["rejected"]] == [(1, "invalid"), (3, "invalid")]
    assert "prompt" in batch["rejected"][0]["message"]
    for each in batch["accepted"]:
        assert (await service.get(f"/v1/jobs/{each['id']}")).json()["prompt"] == jobs[each["index"]]["prompt"]


async def test_a_nul_character_rejects_its_own_job_of_a_batch_only(service: Service) -> None:
    batch: list[dict[str, Any]] = [JOB] * 1000
    batch[3], batch[7] = JOB | {"metadata": {"a": ["b\0"]}}, JOB | {"tags": ["a", "\0"]}
    answer = await service.post("/v1/jobs", json={"jobs": batch})
    assert answer.status_code == 202
    assert len(answer.json()["accepted"]) == 998
    assert answer.json()["rejected"] == [
        {"index": 3, "code": "invalid", "message": "metadata.a.0: a NUL character (U+0000) can't be stored"},
        {"index": 7, "code": "invalid", "message": "tags.1: a NUL character (U+0000) can't be stored"},
    ]


async def test_a_batch_has_a_thousand_jobs_at_most(service: Service) -> None:
    answer = await service.post("/v1/jobs", json={"jobs": [JOB] * 1000})
    assert len(answer.json()["accepted"]) == 1000

    answer = await service.post("/v1/jobs", json={"jobs": [JOB] * 1001})
    assert answer.status_code == 422
    assert len((await service.get("/v1/jobs", params={"limit": 200})).json()["data"]) == 200


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


GOOD = {"name": "one", "base_url": "http://p.example", "api_key": "k", "models": ["gpt-image", "flux-*"]}


async def serve(service: Service, *, configured: bool = True) -> None:
    """Add a channel of a few models."""
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(GOOD)], now())
        await mark_configured(connection, {"one"} if configured else set())
    service.services.snapshots.clear()


async def test_a_model_that_no_channel_serves_is_refused_with_the_nearest_names(service: Service) -> None:
    await serve(service)
    assert "warnings" not in await service.submit(model="flux-1")
    answer = await service.post("/v1/jobs", json=JOB | {"model": "gpt-imgae"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "unserved_model")
    assert problem["errors"][0]["field"] == "model"
    assert "gpt-image" in problem["detail"]
    assert "allow_unserved" in problem["detail"]

    batch = {"jobs": [JOB, JOB | {"model": "nothing"}, JOB | {"model": "dall-e", "allow_unserved": True}]}
    answer = (await service.post("/v1/jobs", json=batch)).json()
    assert [(each["index"], each["code"]) for each in answer["rejected"]] == [(1, "unserved_model")]
    assert [[each["code"] for each in job.get("warnings", ())] for job in answer["accepted"]] == [
        [],
        ["unserved_model"],
    ]


async def test_a_model_whose_channel_may_come_back_is_accepted_with_a_warning(service: Service) -> None:
    await serve(service, configured=False)  # the last worker that knew it has stopped
    headers = {"Idempotency-Key": "once"}
    job = await service.submit_with_headers(headers)
    assert [(each["field"], each["code"]) for each in job["warnings"]] == [("model", "unserved_model")]
    assert job["waiting"]["reason"] == "no_channel"
    assert (await service.submit_with_headers(headers))["warnings"] == job["warnings"]


async def test_while_no_channel_is_known_every_model_is_accepted(service: Service) -> None:
    job = await service.submit(model="anything")
    assert ("warnings" in job, job["waiting"]["reason"]) == (False, "no_channel")
