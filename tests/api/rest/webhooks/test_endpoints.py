"""Webhook endpoints over the API: create, change, delete, rotate secrets."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from api.rest.webhooks.schemas import NewWebhook
from models.queries.operations.notices import ALL_ALERTS
from models.webhook_events import DEFAULT_EVENTS, JOB_EVENTS, OPENAI_EVENTS
from tests.api.rest.webhooks.requests import URL, create_webhook, list_deliveries
from tests.api.service import BOB, S, Service


async def test_a_created_webhook_shows_its_secret_in_that_response_only(service: Service) -> None:
    webhook = await create_webhook(service, description="shop")
    assert webhook["secret"].startswith("whsec_")
    assert webhook["events"] == sorted(DEFAULT_EVENTS)
    view = (await service.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert view == {name: value for name, value in webhook.items() if name != "secret"}
    listed = (await service.get("/v1/webhooks")).json()["data"]
    assert listed == [view]
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
async def test_an_invalid_webhook_is_rejected_with_its_field(
    service: Service, fields: dict[str, Any], field: str
) -> None:
    response = await service.post("/v1/webhooks", json={"url": URL, **fields})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_a_private_webhook_url_of_a_job_is_rejected_at_submit(service: Service) -> None:
    job = {"model": "m", "prompt": "a cat", "webhook_url": "http://169.254.169.254/latest"}
    response = await service.post("/v1/jobs", json=job)
    assert (response.status_code, response.json()["code"]) == (422, "blocked_address")
    assert "DARKROOM_ALLOW_PRIVATE" in response.json()["detail"]


async def test_a_patch_changes_only_the_members_it_names(service: Service) -> None:
    webhook = await create_webhook(service, description="shop")
    response = await service.request(
        "PATCH", f"/v1/webhooks/{webhook['id']}", json={"events": ["job.progress", "job.failed"]}
    )
    changed = response.json()
    assert (changed["events"], changed["description"]) == (["job.failed", "job.progress"], "shop")
    assert (await service.request("PATCH", f"/v1/webhooks/{webhook['id']}", json={})).status_code == 422


async def test_a_disabled_webhook_stops_its_deliveries_and_receives_none_until_it_is_enabled(
    service: Service,
) -> None:
    webhook = await create_webhook(service)
    address = f"/v1/webhooks/{webhook['id']}"
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    disabled = (await service.request("PATCH", address, json={"enabled": False})).json()
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "disabled by its owner")
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    assert [each["status"] for each in await list_deliveries(service, webhook["id"])] == ["stopped"]
    assert (await service.post(f"{address}/test")).status_code == 409
    assert (await service.request("PATCH", address, json={"enabled": True})).json()["enabled"] is True
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    assert len(await list_deliveries(service, webhook["id"])) == 2


async def test_pending_deliveries_go_to_the_new_url(service: Service) -> None:
    webhook = await create_webhook(service)
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    new_url = "https://elsewhere.example/hook"
    await service.request("PATCH", f"/v1/webhooks/{webhook['id']}", json={"url": new_url})
    (delivery,) = await list_deliveries(service, webhook["id"])
    assert delivery["url"] == new_url


async def test_a_rotation_shows_the_new_secret_and_until_when_the_previous_one_signs(
    service: Service,
) -> None:
    webhook = await create_webhook(service)
    address = f"/v1/webhooks/{webhook['id']}"
    rotated = (await service.post(f"{address}/rotate")).json()
    assert rotated["secret"] != webhook["secret"]
    until = datetime.fromisoformat(rotated["previous_secret_until"])
    assert timedelta(hours=23) < until - service.services.clock() <= timedelta(hours=24)
    expired = (await service.post(f"{address}/rotate", json={"overlap": 0})).json()
    assert datetime.fromisoformat(expired["previous_secret_until"]) <= service.services.clock()
    assert (await service.post(f"{address}/rotate", json={"overlap": -1})).status_code == 422


async def test_the_default_webhook_stands_for_jobs_own_urls(service: Service) -> None:
    default = (await service.get("/v1/webhooks/default")).json()
    assert (default["id"], default["url"]) == ("default", None)
    rotated = (await service.post("/v1/webhooks/default/rotate")).json()
    assert rotated["secret"].startswith("whsec_")
    assert (await service.get("/v1/webhooks")).json()["data"] == []
    await service.move(await service.submit(webhook_url=URL), S.QUEUED, S.CANCELLED)
    (delivery,) = await list_deliveries(service, "default")
    assert (delivery["webhook"], delivery["url"], delivery["type"]) == ("default", URL, "job.cancelled")
    for method, rest in (("DELETE", ""), ("PATCH", ""), ("POST", "/test")):
        body = {"json": {"enabled": False}} if method == "PATCH" else {}
        assert (await service.request(method, f"/v1/webhooks/default{rest}", **body)).status_code == 409


async def test_deleting_a_webhook_stops_its_deliveries(service: Service) -> None:
    webhook = await create_webhook(service)
    address = f"/v1/webhooks/{webhook['id']}"
    delivery = (await service.post(f"{address}/test")).json()
    assert (await service.request("DELETE", address)).status_code == 204
    assert (await service.get(address)).status_code == 404
    assert (await service.get("/v1/webhooks")).json()["data"] == []
    stopped = (await service.get(f"/v1/webhooks/deliveries/{delivery['id']}")).json()
    assert stopped["status"] == "stopped"
    assert (await service.post(f"/v1/webhooks/deliveries/{delivery['id']}/replay")).status_code == 409


async def test_a_caller_cannot_see_or_change_webhooks_of_others(service: Service) -> None:
    webhook = await create_webhook(service)
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
        response = await bob.request(method, path, **({} if body is None else {"json": body}))
        assert response.status_code == 404, (method, path)
    mine = (await service.get("/v1/webhooks/default")).json()["secret_hint"]
    assert (await bob.get("/v1/webhooks/default")).json()["secret_hint"] != mine
    await service.move(await bob.submit(), S.QUEUED, S.CANCELLED)
    assert [each["type"] for each in await list_deliveries(service, webhook["id"])] == ["webhook.test"]


async def test_without_a_key_there_are_no_webhooks(service: Service) -> None:
    assert (await service.with_key(None).get("/v1/webhooks")).status_code == 401


async def test_a_caller_has_at_most_twenty_webhooks(service: Service) -> None:
    for _ in range(20):
        await create_webhook(service)
    assert (await service.post("/v1/webhooks", json={"url": URL})).status_code == 429


def test_a_webhook_can_subscribe_to_every_event_of_a_job_and_to_alerts() -> None:
    schema = NewWebhook.model_json_schema()["properties"]["events"]
    assert set(schema["items"]["enum"]) == JOB_EVENTS | OPENAI_EVENTS | {ALL_ALERTS}
