"""Webhook endpoints over the API: made, changed, given new secrets, tried, read, replayed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from api.rest.webhooks.schemas import NewWebhook
from models.tables import webhook_deliveries
from models.webhook_events import DEFAULT_EVENTS, JOB_EVENTS, DeliveryStatus
from tests.api.service import BOB, S, Service

URL = "https://receiver.example/darkroom"


async def made(service: Service, **fields: Any) -> dict[str, Any]:
    answer = await service.post("/v1/webhooks", json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


async def deliveries(service: Service, webhook_id: str, **query: Any) -> list[dict[str, Any]]:
    answer = await service.get(f"/v1/webhooks/{webhook_id}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def end(service: Service, **values: Any) -> None:
    """End all deliveries, as a worker would."""
    async with service.services.database.writing() as connection:
        await connection.execute(update(webhook_deliveries).values(**values))


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(service: Service) -> None:
    webhook = await made(service, description="shop")
    assert webhook["secret"].startswith("whsec_")
    assert webhook["events"] == sorted(DEFAULT_EVENTS)
    shown = (await service.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert shown == {name: value for name, value in webhook.items() if name != "secret"}
    listed = (await service.get("/v1/webhooks")).json()["data"]
    assert listed == [shown]
    assert webhook["secret"] not in (await service.get("/v1/webhooks")).text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "ftp://receiver.example"}, "url"),
        ({"url": "http://127.0.0.1/hook"}, "url"),
        ({"url": "http://10.1.2.3:8080/hook"}, "url"),
        ({"url": "http://[::1]/hook"}, "url"),
        ({"url": "http://2130706433/hook"}, "url"),
        ({"url": "https://me:secret@receiver.example/hook"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["job.done"]}, "events.0"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_a_wrong_webhook_is_refused_by_its_field(
    service: Service, fields: dict[str, Any], field: str
) -> None:
    answer = await service.post("/v1/webhooks", json={"url": URL, **fields})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_jobs_own_private_address_is_refused_when_it_is_handed_in(service: Service) -> None:
    job = {"model": "m", "prompt": "a cat", "webhook_url": "http://169.254.169.254/latest"}
    answer = await service.post("/v1/jobs", json=job)
    assert (answer.status_code, answer.json()["code"]) == (422, "blocked_address")
    assert "DARKROOM_ALLOW_PRIVATE" in answer.json()["detail"]


async def test_what_is_changed_is_changed_and_the_rest_stays(service: Service) -> None:
    webhook = await made(service, description="shop")
    answer = await service.request(
        "PATCH", f"/v1/webhooks/{webhook['id']}", json={"events": ["job.progress", "job.failed"]}
    )
    changed = answer.json()
    assert (changed["events"], changed["description"]) == (["job.failed", "job.progress"], "shop")
    assert (await service.request("PATCH", f"/v1/webhooks/{webhook['id']}", json={})).status_code == 422


async def test_a_disabled_webhook_drops_what_waits_and_hears_nothing_until_it_is_enabled(
    service: Service,
) -> None:
    webhook = await made(service)
    address = f"/v1/webhooks/{webhook['id']}"
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    disabled = (await service.request("PATCH", address, json={"enabled": False})).json()
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "disabled by its owner")
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    assert [each["status"] for each in await deliveries(service, webhook["id"])] == ["stopped"]
    assert (await service.post(f"{address}/test")).status_code == 409
    assert (await service.request("PATCH", address, json={"enabled": True})).json()["enabled"] is True
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    assert len(await deliveries(service, webhook["id"])) == 2


async def test_a_new_address_also_gets_what_waits(service: Service) -> None:
    webhook = await made(service)
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    elsewhere = "https://elsewhere.example/hook"
    await service.request("PATCH", f"/v1/webhooks/{webhook['id']}", json={"url": elsewhere})
    (delivery,) = await deliveries(service, webhook["id"])
    assert delivery["url"] == elsewhere


async def test_a_rotation_shows_the_new_secret_once_and_says_how_long_the_old_one_signs(
    service: Service,
) -> None:
    webhook = await made(service)
    address = f"/v1/webhooks/{webhook['id']}"
    rotated = (await service.post(f"{address}/rotate")).json()
    assert rotated["secret"] != webhook["secret"]
    until = datetime.fromisoformat(rotated["previous_secret_until"])
    assert timedelta(hours=23) < until - service.services.clock() <= timedelta(hours=24)
    at_once = (await service.post(f"{address}/rotate", json={"overlap": 0})).json()
    assert datetime.fromisoformat(at_once["previous_secret_until"]) <= service.services.clock()
    assert (await service.post(f"{address}/rotate", json={"overlap": -1})).status_code == 422


async def test_the_default_webhook_stands_for_the_addresses_that_jobs_bring_along(service: Service) -> None:
    default = (await service.get("/v1/webhooks/default")).json()
    assert (default["id"], default["url"]) == ("default", None)
    rotated = (await service.post("/v1/webhooks/default/rotate")).json()
    assert rotated["secret"].startswith("whsec_")
    assert (await service.get("/v1/webhooks")).json()["data"] == []
    await service.move(await service.submit(webhook_url=URL), S.QUEUED, S.CANCELLED)
    (delivery,) = await deliveries(service, "default")
    assert (delivery["webhook"], delivery["url"], delivery["type"]) == ("default", URL, "job.cancelled")
    for method, rest in (("DELETE", ""), ("PATCH", ""), ("POST", "/test")):
        body = {"json": {"enabled": False}} if method == "PATCH" else {}
        assert (await service.request(method, f"/v1/webhooks/default{rest}", **body)).status_code == 409


async def test_a_test_is_put_into_the_outbox(service: Service) -> None:
    webhook = await made(service)
    answer = await service.post(f"/v1/webhooks/{webhook['id']}/test")
    delivery = answer.json()
    assert (answer.status_code, delivery["type"], delivery["job"]) == (202, "webhook.test", None)
    assert (await service.get(f"/v1/webhooks/deliveries/{delivery['id']}")).json() == delivery


async def test_deliveries_are_listed_page_by_page_newest_first(service: Service) -> None:
    webhook = await made(service)
    address = f"/v1/webhooks/{webhook['id']}"
    sent = [(await service.post(f"{address}/test")).json()["id"] for _ in range(5)]
    first = (await service.get(f"{address}/deliveries", params={"limit": 2})).json()
    second = await service.get(f"{address}/deliveries", params={"limit": 9, "before": first["next"]})
    found = [each["id"] for each in first["data"] + second.json()["data"]]
    assert found == sent[::-1]
    assert second.json()["next"] is None
    assert await deliveries(service, webhook["id"], status="failed") == []
    for wrong in ({"status": "lost"}, {"before": "x"}, {"limit": 0}, {"page": 2}):
        assert (await service.get(f"{address}/deliveries", params=wrong)).status_code == 422


async def test_a_delivery_that_has_ended_is_replayed_and_one_that_has_not_is_refused(
    service: Service,
) -> None:
    webhook = await made(service)
    delivery = (await service.post(f"/v1/webhooks/{webhook['id']}/test")).json()
    address = f"/v1/webhooks/deliveries/{delivery['id']}/replay"
    assert (await service.post(address)).status_code == 409
    await end(service, status=DeliveryStatus.FAILED, tries=9, ended_at=service.services.clock())
    answer = await service.post(address)
    again = answer.json()
    assert answer.status_code == 202
    assert (again["id"], again["status"]) == (delivery["id"], "pending")
    assert (again["tries"], again["replayed"], again["ended_at"]) == (0, True, None)


async def test_a_deleted_webhook_is_gone_with_what_waits_for_it(service: Service) -> None:
    webhook = await made(service)
    address = f"/v1/webhooks/{webhook['id']}"
    delivery = (await service.post(f"{address}/test")).json()
    assert (await service.request("DELETE", address)).status_code == 204
    assert (await service.get(address)).status_code == 404
    assert (await service.get("/v1/webhooks")).json()["data"] == []
    kept = (await service.get(f"/v1/webhooks/deliveries/{delivery['id']}")).json()
    assert kept["status"] == "stopped"
    assert (await service.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay")).status_code == 409


async def test_nobody_sees_or_touches_anothers_webhooks(service: Service) -> None:
    webhook = await made(service)
    delivery = (await service.post(f"/v1/webhooks/{webhook['id']}/test")).json()
    await service.post("/v1/webhooks/default/rotate")
    bob, address = service.with_key(BOB), f"/v1/webhooks/{webhook['id']}"
    assert (await bob.get("/v1/webhooks")).json()["data"] == []
    for method, path, body in (
        ("GET", address, None),
        ("PATCH", address, {"enabled": False}),
        ("DELETE", address, None),
        ("POST", f"{address}/rotate", {}),
        ("POST", f"{address}/test", None),
        ("GET", f"{address}/deliveries", None),
        ("GET", f"/v1/webhooks/deliveries/{delivery['id']}", None),
        ("POST", f"/v1/webhooks/deliveries/{delivery['id']}/replay", None),
    ):
        answer = await bob.request(method, path, **({} if body is None else {"json": body}))
        assert answer.status_code == 404, (method, path)
    mine = (await service.get("/v1/webhooks/default")).json()["secret_hint"]
    assert (await bob.get("/v1/webhooks/default")).json()["secret_hint"] != mine
    await service.move(await bob.submit(), S.QUEUED, S.CANCELLED)
    assert [each["type"] for each in await deliveries(service, webhook["id"])] == ["webhook.test"]


async def test_without_a_key_there_are_no_webhooks(service: Service) -> None:
    assert (await service.with_key(None).get("/v1/webhooks")).status_code == 401


async def test_a_caller_has_at_most_twenty_webhooks(service: Service) -> None:
    for _ in range(20):
        await made(service)
    assert (await service.post("/v1/webhooks", json={"url": URL})).status_code == 409


def test_every_event_of_a_job_can_be_asked_for() -> None:
    schema = NewWebhook.model_json_schema()["properties"]["events"]
    assert set(schema["items"]["enum"]) == JOB_EVENTS
