"""Releasing and failing a single held job."""

import asyncio
from typing import Any

from sqlalchemy import event

from models.ids import new_id
from models.queries.leases import release_worker
from models.states import JobStatus
from tests.api.service import BOB, Service, key_of

S = JobStatus


async def test_a_released_job_is_queued_again_with_at_least_one_more_attempt(service: Service) -> None:
    job = await service.hold()
    answer = await service.post(f"/v1/jobs/{job['id']}/release")
    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["generation"]) == (200, "queued", 1)
    assert (shown["error"], shown["waiting"]["reason"]) == (None, "no_channel")
    async with service.services.database.reading() as connection:
        (row,) = await connection.exec_driver_sql("SELECT attempts_used, max_attempts FROM jobs")
    assert tuple(row) == (1, 2)


async def test_releasing_twice_is_harmless_and_finished_jobs_are_not_released(service: Service) -> None:
    job = await service.hold()
    for _ in range(2):
        assert (await service.post(f"/v1/jobs/{job['id']}/release")).status_code == 200
    assert (await service.read(job))["revision"] == 5

    await service.post(f"/v1/jobs/{job['id']}/cancel")
    answer = await service.post(f"/v1/jobs/{job['id']}/release")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "retry" in answer.json()["detail"]


async def test_a_failed_job_keeps_the_error_it_was_held_for_and_the_reason(service: Service) -> None:
    job = await service.hold()
    for _ in range(2):
        answer = await service.post(f"/v1/jobs/{job['id']}/fail", json={"reason": "made by hand"})
        assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    error = answer.json()["error"]
    assert error["message"] == "Given up by its caller: made by hand. The connection was lost."
    assert error["code"] == "connection_lost"
    assert answer.json()["finished_at"] is not None


async def test_a_job_can_be_failed_without_a_body_but_only_if_it_is_held(service: Service) -> None:
    job = await service.hold()
    assert (await service.post(f"/v1/jobs/{job['id']}/fail")).json()["status"] == "failed"
    answer = await service.post(f"/v1/jobs/{(await service.submit())['id']}/fail")
    assert (answer.status_code, "cancel" in answer.json()["detail"]) == (409, True)


async def test_a_held_job_of_another_caller_is_not_found(service: Service) -> None:
    job = await service.hold()
    for verb in ("release", "fail"):
        assert (await service.with_key(BOB).post(f"/v1/jobs/{job['id']}/{verb}")).status_code == 404


async def test_a_retry_right_after_a_cancel_waits_for_the_worker_to_release_the_job(
    service: Service,
) -> None:
    job, worker, checked = await service.submit(), new_id(), asyncio.Event()
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, worker_id=worker)
    await service.post(f"/v1/jobs/{job['id']}/cancel")

    def on_execute(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "worker_id IS NOT NULL" in statement:
            checked.set()

    event.listen(service.services.database.engine.sync_engine, "before_cursor_execute", on_execute)
    retried = asyncio.create_task(service.post(f"/v1/jobs/{job['id']}/retry"))
    await asyncio.wait_for(checked.wait(), 10)
    async with service.services.database.writing() as connection:
        await release_worker(connection, [key_of(job)], worker)
    answer = await asyncio.wait_for(retried, 10)
    assert (answer.status_code, answer.json()["status"], answer.json()["generation"]) == (200, "queued", 2)
