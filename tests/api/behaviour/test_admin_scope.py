"""Admins read and decide the jobs of all callers; other keys see only their caller's."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from api.jobs.selection import held_jobs
from models.ids import public_id
from tests.api.rest.webhooks.requests import create_webhook, list_deliveries
from tests.api.service import ADMIN, BOB, S, Service, key_of


@pytest.fixture
def admin(service: Service) -> Service:
    """The same API, called with an admin's key."""
    return service.with_key(ADMIN)


@pytest.fixture
def bob(service: Service) -> Service:
    """The same API, called with another caller's key."""
    return service.with_key(BOB)


async def owner_of(service: Service) -> dict[str, str]:
    """Return the caller of a service's key, as admins see it."""
    caller = (await service.services.authenticator.check(service.key or "")).caller
    assert caller is not None
    return {"id": public_id("caller", caller.id), "name": caller.name}


async def listed(service: Service, **query: Any) -> list[str]:
    answer = await service.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["data"]]


async def test_an_admin_lists_the_jobs_of_all_callers_newest_first_or_of_one(
    service: Service, bob: Service, admin: Service
) -> None:
    jobs = [(await each.submit())["id"] for each in (service, bob, admin, service)]
    assert await listed(admin) == jobs[::-1]
    assert await listed(admin, limit=2) == jobs[:1:-1]
    assert await listed(admin, before=jobs[2]) == jobs[1::-1]
    assert await listed(admin, caller=(await owner_of(service))["id"]) == [jobs[3], jobs[0]]
    assert await listed(admin, caller="from the settings") == jobs[::-1]
    assert await listed(admin, status="held") == []
    assert await listed(service) == [jobs[3], jobs[0]]


@pytest.mark.parametrize(
    ("caller", "status"), [("nobody", 422), ("caller_01h455vb4pex5vsknk084sn02q", 422), ("x" * 101, 422)]
)
async def test_an_unknown_caller_is_refused(admin: Service, caller: str, status: int) -> None:
    answer = await admin.get("/v1/jobs", params={"caller": caller})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, "caller")


async def test_only_admins_may_choose_a_caller_and_only_they_see_it(service: Service, admin: Service) -> None:
    job = await service.submit()
    own = (await owner_of(service))["id"]
    assert (await service.get("/v1/jobs", params={"caller": own})).status_code == 403
    assert (await service.get("/v1/webhooks", params={"caller": own})).status_code == 403
    assert (await service.post("/v1/jobs/release", json={"filter": {"caller": own}})).status_code == 403
    assert "caller" not in job
    assert "caller" not in await service.read(job)
    assert (await admin.read(job))["caller"] == await owner_of(service)
    assert (await admin.submit())["caller"] == await owner_of(admin)


async def test_an_admin_cancels_and_retries_the_jobs_of_others(service: Service, admin: Service) -> None:
    job = await service.submit()
    for verb, status in (("cancel", "cancelled"), ("retry", "queued")):
        answer = await admin.post(f"/v1/jobs/{job['id']}/{verb}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    await admin.post(f"/v1/jobs/{job['id']}/cancel")
    events = (await admin.get(f"/v1/jobs/{job['id']}/events")).text
    assert "cancelled by an administrator" in events


async def test_an_admin_releases_fails_and_rereads_held_jobs_of_others(
    service: Service, admin: Service
) -> None:
    job, other = await service.hold(), await service.hold()
    assert (await admin.post(f"/v1/jobs/{job['id']}/reread")).status_code == 200
    assert (await admin.post(f"/v1/jobs/{job['id']}/release")).json()["status"] == "queued"
    failed = (await admin.post(f"/v1/jobs/{other['id']}/fail")).json()
    assert failed["error"]["message"].startswith("Given up by an administrator.")


async def test_an_admin_decides_many_held_jobs_of_all_callers_or_of_one(
    service: Service, bob: Service, admin: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [await each.hold() for each in (service, bob, bob, bob, admin)]
    chosen = {"filter": {"caller": (await owner_of(bob))["id"]}}
    assert (await admin.post("/v1/jobs/release", json=chosen)).json()["changed"] == 3
    assert [(await admin.read(job))["status"] for job in held] == [
        "held",
        "queued",
        "queued",
        "queued",
        "held",
    ]

    monkeypatch.setattr(held_jobs, "JOBS_PER_TRANSACTION", 1)
    monkeypatch.setattr(held_jobs, "JOBS_PER_REQUEST", 1)
    results = [(await admin.post("/v1/jobs/fail", json={"filter": {}})).json() for _ in range(3)]
    assert [(each["changed"], each["more"]) for each in results] == [(1, True), (1, True), (0, False)]


async def test_other_keys_neither_see_nor_change_the_jobs_of_others(service: Service, bob: Service) -> None:
    job = await service.hold()
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        *(("POST", f"/{verb}") for verb in ("cancel", "retry", "release", "fail", "reread")),
    ):
        answer = await bob.request(method, f"/v1/jobs/{job['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for body in ({"ids": [job["id"]]}, {"filter": {}}):
        assert (await bob.post("/v1/jobs/release", json=body)).json()["changed"] == 0
    assert (await service.read(job))["status"] == "held"


async def test_an_admin_reads_the_images_of_others(service: Service, bob: Service, admin: Service) -> None:
    job = await service.submit()
    await service.finish(job, b"an image")
    [image] = (await admin.read(job))["assets"]
    path = f"/v1/assets/{image['id']}"
    assert (await admin.get(path)).json()["job"] == job["id"]
    assert (await bob.get(path)).status_code == 404
    assert (await admin.get(urlsplit(image["url"]).path)).content == b"an image"


async def test_an_admin_reads_the_webhooks_and_deliveries_of_others_and_changes_none(
    service: Service, bob: Service, admin: Service
) -> None:
    webhook = await create_webhook(service)
    job = await service.submit(webhook_url="https://receiver.example/own")
    await service.move(job, S.QUEUED, S.CANCELLED)
    owner = (await owner_of(service))["id"]
    assert [
        each["id"] for each in (await admin.get("/v1/webhooks", params={"caller": owner})).json()["data"]
    ] == [webhook["id"]]
    assert (await admin.get("/v1/webhooks")).json()["data"] == []
    assert (await admin.get(f"/v1/webhooks/{webhook['id']}")).json()["url"] == webhook["url"]
    for where in ((webhook["id"], {}), ("default", {"caller": owner})):
        [delivery] = await list_deliveries(admin, where[0], **where[1])
        assert delivery["job"] == job["id"]
        assert (await admin.get(f"/v1/webhooks/deliveries/{delivery['id']}")).json() == delivery
        assert (await bob.get(f"/v1/webhooks/deliveries/{delivery['id']}")).status_code == 404
        assert (await admin.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay")).status_code == 404
    assert await list_deliveries(admin, "default") == []
    assert (await admin.request("DELETE", f"/v1/webhooks/{webhook['id']}")).status_code == 404
    ambiguous = await admin.get("/v1/webhooks/default", params={"caller": "from the settings"})
    assert (ambiguous.status_code, ambiguous.json()["errors"][0]["field"]) == (422, "caller")


async def test_a_job_of_a_keyless_caller_says_why_it_waits_and_takes_no_place_in_the_queue(
    service: Service, bob: Service, admin: Service
) -> None:
    first, second = await service.submit(), await bob.submit()
    async with service.services.database.writing() as connection:
        await connection.exec_driver_sql(
            "UPDATE api_keys SET revoked_at = created_at WHERE caller_id = "
            "(SELECT caller_id FROM jobs ORDER BY id LIMIT 1)"
        )
    service.services.snapshots.clear()
    service.services.estimates.clear()
    keyless, waiting = await admin.read(first), await admin.read(second)
    assert key_of(first) < key_of(second)
    assert (keyless["waiting"]["reason"], keyless["queue_position"], keyless["eta"]["p50"]) == (
        "paused",
        None,
        None,
    )
    assert (waiting["waiting"]["reason"], waiting["queue_position"]) == ("no_channel", 1)
