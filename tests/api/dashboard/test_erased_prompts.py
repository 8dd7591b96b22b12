"""A prompt that was erased is on no page and in no list; its hash and length are."""

import hashlib
from typing import Any

from sqlalchemy import update

from api.dashboard.pages import PAGES
from models.clock import now
from models.operations.erased_prompts import START
from models.operations.retention import RetentionKind
from models.queries.operations.ended_jobs import erase_prompts, lock_ended, with_rows
from models.tables import attempts, events, jobs
from tests.api.dashboard.visitor import Visitor, add_channel, visit
from tests.api.service import ADMIN, Service, key_of

MARK = "a zebra on the moon"
LISTS = (
    "/v1/jobs",
    "/v1/jobs/{job_id}",
    "/v1/audit",
    "/v1/errors",
    "/v1/overview",
    "/v1/webhooks/deliveries",
)


async def ended(service: Service) -> dict[str, Any]:
    """Submit a job with the mark wherever words are, and end it."""
    await add_channel(service)
    job = await service.submit(prompt=MARK, params={"negative": MARK}, system=MARK)
    await service.finish(job, b"png")
    error = {"code": "upstream", "message": MARK, "outcome": "permanent", "provider_message": MARK}
    async with service.services.database.writing() as connection:
        mine = jobs.c.id == key_of(job)
        await connection.execute(update(jobs).where(mine).values(text=MARK, error=error))
        await connection.execute(update(attempts).values(provider_message=MARK))
        await connection.execute(update(events).values(detail=MARK))
    return job


async def erase(service: Service, job: dict[str, Any]) -> None:
    """Erase the prompt of a job, as retention does."""
    async with service.services.database.writing() as connection:
        rows = await lock_ended(connection, [key_of(job)])
        await erase_prompts(connection, rows, at=now(), inputs_until=now())


async def where_shown(admin: Visitor, service: Service, job: dict[str, Any]) -> set[str]:
    """Return the pages and lists that show the mark."""
    pages = [page.path.replace("{job_id}", job["id"]).replace("{name}", "here") for page in PAGES]
    shown = {path for path in pages if "{" not in path and MARK in (await admin.get(path)).text}
    for path in (each.replace("{job_id}", job["id"]) for each in LISTS):
        if MARK in (await service.with_key(ADMIN).get(path)).text:
            shown.add(path)
    return shown


async def test_no_page_and_no_list_shows_what_was_erased(service: Service) -> None:
    job, admin = await ended(service), await visit(service, ADMIN)
    assert {"/dashboard/jobs", "/dashboard/gallery", "/v1/jobs"} <= await where_shown(admin, service, job)
    await erase(service, job)
    assert await where_shown(admin, service, job) == set()
    digest = hashlib.sha256(MARK.encode()).hexdigest()[:16]
    words = f"(erased: sha256 {digest}…, {len(MARK)} characters)"
    document = (await service.get(f"/v1/jobs/{job['id']}")).json()
    assert (document["prompt"], document["params"], document["text"]) == (words, {}, None)
    assert document["error"]["code"] == "upstream"
    page = (await admin.get(f"/dashboard/jobs/{job['id']}")).text
    assert words in page
    assert 'id="edited"' not in page


async def test_what_was_erased_is_not_called_for_again(service: Service) -> None:
    job = await ended(service)
    await erase(service, job)
    refused = await service.post(f"/v1/jobs/{job['id']}/retry")
    assert (refused.status_code, "erased" in refused.json()["detail"]) == (409, True)
    body = {"ids": [job["id"]], "may_pay_twice": True}
    for path, kind in (("/v1/jobs/retry", {}), ("/v1/actions", {"kind": "retry"})):
        found = (await service.post(path, json={**body, **kind, "dry_run": True})).json()
        assert (found["eligible"], [each["reason"] for each in found["skipped"]]) == (0, ["prompt_erased"])


async def test_a_prompt_that_looks_erased_is_none(service: Service) -> None:
    await add_channel(service)
    job = await service.submit(prompt=f"{START}of a zebra")
    await service.finish(job, b"png")
    body = {"ids": [job["id"]], "may_pay_twice": True, "dry_run": True}
    assert (await service.post("/v1/jobs/retry", json=body)).json()["eligible"] == 1
    assert (await service.post("/v1/actions", json={**body, "kind": "retry"})).json()["eligible"] == 1
    due = {key_of(job): frozenset({RetentionKind.PROMPTS})}
    async with service.services.database.reading() as connection:
        assert await with_rows(connection, due) == due
    await erase(service, job)
    async with service.services.database.reading() as connection:
        assert await with_rows(connection, due) == {key_of(job): frozenset()}


async def test_a_response_whose_prompt_was_erased_is_found_and_not_continued(service: Service) -> None:
    await add_channel(service)
    asked = {"model": "m", "input": MARK, "background": True}
    response = (await service.post("/v1/responses", json=asked)).json()
    job = {"id": response["darkroom"]["job"]}
    await service.finish(job, b"png")
    await erase(service, job)
    found = await service.get(f"/v1/responses/{response['id']}")
    assert (found.status_code, found.json()["status"], found.json()["background"]) == (200, "completed", True)
    assert MARK not in found.text
    more = {"model": "m", "input": "now blue", "previous_response_id": response["id"]}
    refused = await service.post("/v1/responses", json=more)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "previous_response_id")
    assert "erased" in refused.json()["error"]["message"]
