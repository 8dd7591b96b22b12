"""Bulk actions on jobs: tried first, begun with the count that was seen, gone through by workers, aborted."""

import asyncio
from typing import Any

import pytest

from api.cli.key_admin import create_key
from models.api_keys import Role
from models.queries.dashboard.audit import list_entries
from tests.api.rest.bulk.test_bulk_jobs import ended, reasons
from tests.api.service import ADMIN, BOB, S, Service, key_of
from worker.bulk import job_action_runner
from worker.bulk.job_action_runner import JobActionRunner


async def post(service: Service, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = await service.post("/v1/actions", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def runner(service: Service) -> JobActionRunner:
    """The runner of a new worker on the database of the API."""
    return JobActionRunner(service.services, asyncio.Event(), asyncio.Event())  # type: ignore[arg-type]


async def test_an_action_changes_the_jobs_that_it_was_begun_for(service: Service) -> None:
    failed = [await ended(service, campaign="spring") for _ in range(3)]
    await ended(service, S.SUCCEEDED, campaign="spring")
    wanted = {"kind": "retry", "filter": {"campaign": "spring"}}

    tried = await post(service, 200, **wanted, dry_run=True)
    assert (tried["id"], tried["status"], tried["of"], tried["eligible"]) == (None, "dry_run", "jobs", 3)
    assert reasons(tried) == {"already_paid": 1}
    assert [each["job"] for each in tried["samples"]] == [job["id"] for job in failed]
    assert tried["samples"][0]["prompt"] == "a cat"
    assert tried["cost"]["source"] == "unknown"
    assert (await service.read(failed[0]))["status"] == "failed"

    begun = await post(service, **wanted, expected_count=3)
    assert (begun["status"], begun["eligible"], begun["pending"]) == ("running", 3, 3)
    later = await ended(service, campaign="spring")
    await service.post(f"/v1/jobs/{failed[2]['id']}/retry")
    await service.move(failed[2], S.QUEUED, S.FAILED)  # it failed once more: not what the action was for
    await runner(service).run_round()

    found = (await service.get(f"/v1/actions/{begun['id']}")).json()
    assert (found["status"], found["done"], found["pending"]) == ("finished", 2, 0)
    assert reasons(found) == {"already_paid": 1, "changed": 1}
    states = [(await service.read(job))["status"] for job in (*failed, later)]
    assert states == ["queued", "queued", "failed", "failed"]
    of_action = (await service.get("/v1/jobs", params={"action": begun["id"]})).json()["data"]
    assert {job["id"] for job in of_action} == {job["id"] for job in failed}
    assert (await service.get("/v1/actions", params={"limit": 1})).json()["data"][0]["id"] == begun["id"]
    assert (await service.get(f"/v1/actions/{begun['id'][:20]}")).json()["id"] == begun["id"]
    async with service.services.database.reading() as connection:
        [entry] = await list_entries(connection, limit=10, target=begun["id"])
    assert (entry.action, entry.count, entry.filter) == ("POST /v1/actions", 3, {"campaign": "spring"})


async def test_each_job_is_changed_once_through_a_kill_and_an_abort(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_action_runner, "CHUNK", 2)
    jobs = [await service.submit() for _ in range(6)]
    ids = [job["id"] for job in jobs]
    begun = await post(service, kind="cancel", ids=ids, expected_count=6)
    change = job_action_runner.lock_for_decision
    chunks = 0

    async def killed(*arguments: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            raise KeyboardInterrupt  # not an error that a runner survives
        return await change(*arguments)

    monkeypatch.setattr(job_action_runner, "lock_for_decision", killed)
    with pytest.raises(KeyboardInterrupt):
        await runner(service).run_round()
    half = (await service.get(f"/v1/actions/{begun['id']}")).json()
    assert (half["done"], half["pending"]) == (2, 4)
    await runner(service).run_round()
    assert (await service.get(f"/v1/actions/{begun['id']}")).json()["done"] == 2, "it is claimed still"

    aborted = (await service.post(f"/v1/actions/{begun['id']}/abort")).json()
    assert (aborted["status"], aborted["detail"]) == ("aborted", f"aborted by {aborted['by']}")
    assert (await service.post(f"/v1/actions/{begun['id']}/abort")).status_code == 409
    await runner(service).run_round()
    states = [(await service.read(job))["status"] for job in jobs]
    assert states == ["cancelled"] * 2 + ["queued"] * 4
    events = (await service.get(f"/v1/jobs/{ids[0]}/events")).text
    assert events.count("cancelled by the caller") == 1


async def test_an_action_with_another_count_or_no_condition_begins_nothing(service: Service) -> None:
    for _ in range(21):
        await ended(service)
    wanted = {"kind": "delete", "filter": {"status": "failed"}}
    problem = await post(service, 409, **wanted, expected_count=25)
    assert (problem["code"], problem["expected_count"], problem["eligible"]) == ("count_differs", 25, 21)
    assert (await post(service, 422, **wanted))["errors"][0]["field"] == "expected_count"
    assert (await post(service, 422, kind="delete", filter={}))["errors"][0]["field"] == "filter"
    assert (await post(service, 422, kind="sing", ids=["job_1"]))["errors"][0]["field"] == "kind"
    assert (await service.get("/v1/actions")).json()["data"] == []
    begun = await post(service, **wanted, expected_count=20)  # within five per cent
    await runner(service).run_round()
    assert (await service.get(f"/v1/actions/{begun['id']}")).json()["done"] == 21
    assert (await service.get("/v1/jobs")).json()["data"] == []


async def test_jobs_of_tasks_and_of_others_are_left(service: Service) -> None:
    mine, bobs = await ended(service), await ended(service.with_key(BOB))
    assert key_of(mine) != key_of(bobs)
    await post(service, kind="delete", ids=[mine["id"], bobs["id"]], expected_count=1)
    await runner(service).run_round()
    assert (await service.with_key(BOB).read(bobs))["status"] == "failed"
    begun = await post(service.with_key(ADMIN), kind="retry", ids=[bobs["id"]], expected_count=1)
    for each in (service, service.with_key(BOB)):
        assert (await each.get(f"/v1/actions/{begun['id']}")).status_code == 404, "of who began it"
    async with service.services.database.writing() as connection:
        made = await create_key(connection, "a reviewer", role=Role.REVIEWER)
    reviewer = service.with_key(made.key)
    assert (await reviewer.get(f"/v1/actions/{begun['id']}")).json()["by"] == begun["by"]
    assert (await reviewer.post(f"/v1/actions/{begun['id']}/abort")).status_code == 403
    assert (await reviewer.post("/v1/actions", json={})).status_code == 403
