"""Idempotency-Key: the same submit again is replayed, another one is refused."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from models.queries.idempotency_keys import find_key
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, BOB, JOB, Service


async def test_the_same_key_and_body_replay_the_first_response(service: Service) -> None:
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


async def test_twenty_equal_submits_at_the_same_time_insert_one_job(service: Service) -> None:
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


async def test_a_job_refused_for_its_input_image_does_not_use_up_its_key(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    missing = JOB | {"images": ["asset_01h455vb4pex5vsknk084sn02q"]}
    assert (await service.post("/v1/jobs", json=missing, headers=headers)).status_code == 422
    assert (await service.post("/v1/jobs", json=JOB, headers=headers)).status_code == 202


async def test_a_batch_without_an_accepted_job_does_not_use_up_its_key(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    missing = JOB | {"images": ["asset_01h455vb4pex5vsknk084sn02q"]}
    first = await service.post("/v1/jobs", json={"jobs": [{}, missing]}, headers=headers)
    assert [each["code"] for each in first.json()["rejected"]] == ["invalid", "input_image_not_found"]
    second = await service.post("/v1/jobs", json={"jobs": [{}, JOB]}, headers=headers)
    assert [each["index"] for each in second.json()["accepted"]] == [1]


async def test_callers_do_not_share_idempotency_keys(service: Service) -> None:
    headers = {"Idempotency-Key": "same"}
    mine = await service.post("/v1/jobs", json=JOB, headers=headers)
    theirs = await service.with_key(BOB).post("/v1/jobs", json=JOB, headers=headers)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_key_can_be_used_again_after_its_ttl(make_settings: Callable[..., Settings]) -> None:
    headers = {"Idempotency-Key": "k"}
    async with started(make_settings(idempotency_ttl=timedelta(microseconds=1).total_seconds())) as service:
        first = await service.submit_with_headers(headers)
        assert (await service.submit_with_headers(headers))["id"] != first["id"]
        caller = (await service.services.authenticator.check(ALICE)).caller
        assert caller is not None
        async with service.services.database.reading() as connection:
            assert await find_key(connection, caller.id, "k") is not None


async def test_a_malformed_key_is_refused(service: Service) -> None:
    for key in ("", " ", "k" * 256, "schlüssel", "a\x00b", "a\tb"):
        headers = {"Idempotency-Key": key.encode("latin-1")}
        answer = await service.post("/v1/jobs", json=JOB, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert (await service.get("/v1/jobs")).json()["data"] == []
