"""Decisions about many held jobs, by id and by filter."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from models.clock import now, rfc3339
from tests.api.service import BOB, Service


async def test_jobs_are_released_by_id_and_each_refusal_has_its_reason(service: Service) -> None:
    first, second, queued = await service.hold(), await service.hold(), await service.submit()
    cancelled, foreign = await service.submit(), await service.with_key(BOB).hold()
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
    assert (await service.read(second))["status"] == "queued"
    assert (await service.with_key(BOB).read(foreign))["status"] == "held"


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
async def test_a_filter_selects_among_the_held_jobs_of_the_caller(
    service: Service, wanted: dict[str, str], expected: set[str]
) -> None:
    await service.hold(prompt="one", model="a")
    await service.hold(prompt="two", model="a", campaign="spring")
    await service.hold("timeout", prompt="three", model="b", campaign="spring", tags=["猫"])
    await service.with_key(BOB).hold(prompt="four", model="a", campaign="spring", tags=["猫"])
    await service.submit(prompt="five", model="a", campaign="spring")

    answer = await service.post("/v1/jobs/fail", json={"filter": wanted, "reason": "the night is over"})
    assert answer.json() == {"changed": len(expected), "unchanged": 0, "refused": [], "more": False}
    failed = (await service.get("/v1/jobs", params={"status": "failed"})).json()["data"]
    assert {job["prompt"] for job in failed} == expected
    again = await service.post("/v1/jobs/fail", json={"filter": wanted})
    assert again.json()["changed"] == 0


async def test_bounds_of_a_filter_are_job_ids_or_times(service: Service) -> None:
    jobs = [await service.hold(prompt=str(number)) for number in range(4)]
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
    job = await service.hold()
    answer = await service.post("/v1/jobs/fail", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert (await service.read(job))["status"] == "held"


async def test_the_number_of_statements_does_not_grow_with_the_jobs(service: Service) -> None:
    jobs = [await service.hold() for _ in range(12)]
    statements: list[str] = []
    engine = service.services.database.engine.sync_engine
    background = asyncio.all_tasks() - {asyncio.current_task()}

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if asyncio.current_task() not in background:
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)

    few = len(await _statements(service, statements, jobs[:2]))
    many = len(await _statements(service, statements, jobs[2:]))
    assert many == few


async def _statements(service: Service, statements: list[str], jobs: list[dict[str, Any]]) -> list[str]:
    await service.get("/v1/jobs", params={"limit": "1"})  # the row of the key is read, and cached
    statements.clear()
    answer = await service.post("/v1/jobs/release", json={"ids": [job["id"] for job in jobs]})
    assert answer.json()["changed"] == len(jobs)
    return list(statements)
