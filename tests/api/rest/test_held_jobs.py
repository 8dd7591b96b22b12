"""Held jobs wait for a decision: call again, or give up; one or many."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from models.clock import now, rfc3339
from models.ids import new_id
from models.queries.leases import release_worker
from models.states import JobStatus
from tests.api.service import BOB, Service, key_of

S = JobStatus
LOST = {"code": "connection_lost", "message": "The connection was lost.", "outcome": "ambiguous"}


async def held(service: Service, code: str = "connection_lost", **fields: Any) -> dict[str, Any]:
    """Hand in a job and lead it to where it waits for a decision, its only attempt used up."""
    job = await service.submit(max_attempts=1, **fields)
    await service.move(job, S.QUEUED, S.LEASED, attempts_used=1)
    await service.move(job, S.LEASED, S.RUNNING)
    await service.move(job, S.RUNNING, S.HELD, error={**LOST, "code": code})
    return job


async def look(service: Service, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await service.get(f"/v1/jobs/{job['id']}")).json()
    return found


async def test_a_released_job_is_queued_again_with_at_least_one_more_attempt(service: Service) -> None:
    job = await held(service)
    answer = await service.post(f"/v1/jobs/{job['id']}/release")
    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["generation"]) == (200, "queued", 1)
    assert (shown["error"], shown["waiting"]["reason"]) == (None, "no_channel")
    async with service.services.database.reading() as connection:
        (row,) = await connection.exec_driver_sql("SELECT attempts_used, max_attempts FROM jobs")
    assert tuple(row) == (1, 2)


async def test_releasing_twice_is_harmless_and_finished_jobs_are_not_released(service: Service) -> None:
    job = await held(service)
    for _ in range(2):
        assert (await service.post(f"/v1/jobs/{job['id']}/release")).status_code == 200
    assert (await look(service, job))["revision"] == 5

    await service.post(f"/v1/jobs/{job['id']}/cancel")
    answer = await service.post(f"/v1/jobs/{job['id']}/release")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "retry" in answer.json()["detail"]


async def test_a_failed_job_keeps_what_it_was_held_for_beside_the_reason(service: Service) -> None:
    job = await held(service)
    for _ in range(2):
        answer = await service.post(f"/v1/jobs/{job['id']}/fail", json={"reason": "made by hand"})
        assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    error = answer.json()["error"]
    assert error["message"] == "Given up by its caller: made by hand. The connection was lost."
    assert error["code"] == "connection_lost"
    assert answer.json()["finished_at"] is not None


async def test_a_job_can_be_failed_without_a_body_but_only_if_it_is_held(service: Service) -> None:
    job = await held(service)
    assert (await service.post(f"/v1/jobs/{job['id']}/fail")).json()["status"] == "failed"
    answer = await service.post(f"/v1/jobs/{(await service.submit())['id']}/fail")
    assert (answer.status_code, "cancel" in answer.json()["detail"]) == (409, True)


async def test_many_are_released_by_id_and_each_refusal_says_why(service: Service) -> None:
    first, second, queued = await held(service), await held(service), await service.submit()
    cancelled, foreign = await service.submit(), await held(service.with_key(BOB))
    await service.post(f"/v1/jobs/{cancelled['id']}/cancel")
    ids = [each["id"] for each in (first, second, second, queued, cancelled, foreign)]

    answer = await service.post("/v1/jobs/release", json={"ids": [*ids, "nonsense"]})
    result = answer.json()
    assert (answer.status_code, result["changed"], result["unchanged"], result["more"]) == (200, 2, 1, False)
    assert {each["id"]: each["code"] for each in result["refused"]} == {
        "nonsense": "not_found",
        foreign["id"]: "not_found",
        cancelled["id"]: "conflict",
    }
    assert (await look(service, second))["status"] == "queued"
    assert (await look(service.with_key(BOB), foreign))["status"] == "held"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"one", "two", "three"}),
        ({"status": "held", "model": "a"}, {"one", "two"}),
        ({"campaign": "spring"}, {"two", "three"}),
        ({"tag": "猫"}, {"three"}),
        ({"error_code": "timeout", "model": "b"}, {"three"}),
        ({"error_code": "nothing"}, set()),
    ],
)
async def test_a_filter_chooses_among_the_callers_held_jobs(
    service: Service, wanted: dict[str, str], expected: set[str]
) -> None:
    await held(service, prompt="one", model="a")
    await held(service, prompt="two", model="a", campaign="spring")
    await held(service, "timeout", prompt="three", model="b", campaign="spring", tags=["猫"])
    await held(service.with_key(BOB), prompt="four", model="a", campaign="spring", tags=["猫"])
    await service.submit(prompt="five", model="a", campaign="spring")

    answer = await service.post("/v1/jobs/fail", json={"filter": wanted, "reason": "the night is over"})
    assert answer.json() == {"changed": len(expected), "unchanged": 0, "refused": [], "more": False}
    failed = (await service.get("/v1/jobs", params={"status": "failed"})).json()["data"]
    assert {job["prompt"] for job in failed} == expected
    again = await service.post("/v1/jobs/fail", json={"filter": wanted})
    assert again.json()["changed"] == 0


async def test_bounds_are_jobs_or_times(service: Service) -> None:
    jobs = [await held(service, prompt=str(number)) for number in range(4)]
    bounds = {"after": jobs[0]["id"], "before": jobs[3]["id"]}
    assert (await service.post("/v1/jobs/release", json={"filter": bounds})).json()["changed"] == 2
    early = {"filter": {"before": jobs[0]["created_at"]}}
    assert (await service.post("/v1/jobs/release", json=early)).json()["changed"] == 0
    late = {"filter": {"before": rfc3339(now()).replace("Z", "+00:00")}}
    assert (await service.post("/v1/jobs/release", json=late)).json()["changed"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"ids": [], "reason": "x"}, "ids"),
        ({"ids": ["job_1"], "filter": {}}, "body"),
        ({"ids": ["job_1"] * 1001}, "ids"),
        ({"ids": [1]}, "ids.0"),
        ({"filter": {"status": "queued"}}, "filter.status"),
        ({"filter": {"modle": "a"}}, "filter.modle"),
        ({"filter": {"before": "yesterday"}}, "filter.before"),
        ({"filter": {"after": "job_1"}}, "filter.after"),
        ({"filter": {}, "reason": " "}, "reason"),
    ],
)
async def test_a_wrong_body_is_refused_by_field_and_changes_nothing(
    service: Service, body: dict[str, Any], field: str
) -> None:
    job = await held(service)
    answer = await service.post("/v1/jobs/fail", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert (await look(service, job))["status"] == "held"


async def test_another_callers_held_job_is_not_there(service: Service) -> None:
    job = await held(service)
    for verb in ("release", "fail"):
        assert (await service.with_key(BOB).post(f"/v1/jobs/{job['id']}/{verb}")).status_code == 404


async def test_more_jobs_take_no_more_statements(service: Service) -> None:
    jobs = [await held(service) for _ in range(12)]
    sent: list[str] = []
    engine = service.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda _, __, statement, *___: sent.append(statement))

    few = len(await _sent(service, sent, jobs[:2]))
    many = len(await _sent(service, sent, jobs[2:]))
    assert many == few


async def _sent(service: Service, sent: list[str], jobs: list[dict[str, Any]]) -> list[str]:
    sent.clear()
    answer = await service.post("/v1/jobs/release", json={"ids": [job["id"] for job in jobs]})
    assert answer.json()["changed"] == len(jobs)
    return list(sent)


async def test_a_retry_right_after_a_cancel_waits_until_the_worker_has_let_go(service: Service) -> None:
    job, worker, looked = await service.submit(), new_id(), asyncio.Event()
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, worker_id=worker)
    await service.post(f"/v1/jobs/{job['id']}/cancel")

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "worker_id IS NOT NULL" in statement:
            looked.set()

    event.listen(service.services.database.engine.sync_engine, "before_cursor_execute", hear)
    asking = asyncio.create_task(service.post(f"/v1/jobs/{job['id']}/retry"))
    await asyncio.wait_for(looked.wait(), 10)
    async with service.services.database.writing() as connection:
        await release_worker(connection, [key_of(job)], worker)
    answer = await asyncio.wait_for(asking, 10)
    assert (answer.status_code, answer.json()["status"], answer.json()["generation"]) == (200, "queued", 2)
