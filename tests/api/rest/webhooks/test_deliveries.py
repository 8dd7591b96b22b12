"""Deliveries over the API: send a test, list the log, replay."""

from typing import Any

from sqlalchemy import update

from models.tables import webhook_deliveries
from models.webhook_events import DeliveryStatus
from tests.api.rest.webhooks.requests import create_webhook, list_deliveries
from tests.api.service import Service


async def test_a_test_creates_a_delivery(service: Service) -> None:
    webhook = await create_webhook(service)
    response = await service.post(f"/v1/webhooks/{webhook['id']}/test")
    delivery = response.json()
    assert (response.status_code, delivery["type"], delivery["job"]) == (202, "webhook.test", None)
    assert (await service.get(f"/v1/webhooks/deliveries/{delivery['id']}")).json() == delivery


async def test_deliveries_are_listed_page_by_page_newest_first(service: Service) -> None:
    webhook = await create_webhook(service)
    address = f"/v1/webhooks/{webhook['id']}"
    sent = [(await service.post(f"{address}/test")).json()["id"] for _ in range(5)]
    first = (await service.get(f"{address}/deliveries", params={"limit": 2})).json()
    second = await service.get(f"{address}/deliveries", params={"limit": 9, "before": first["next"]})
    found = [each["id"] for each in first["data"] + second.json()["data"]]
    assert found == sent[::-1]
    assert second.json()["next"] is None
    assert await list_deliveries(service, webhook["id"], status="failed") == []
    for wrong in ({"status": "lost"}, {"before": "x"}, {"limit": 0}, {"page": 2}):
        assert (await service.get(f"{address}/deliveries", params=wrong)).status_code == 422


async def test_a_delivery_that_has_ended_is_replayed_and_one_that_has_not_is_refused(
    service: Service,
) -> None:
    webhook = await create_webhook(service)
    delivery = (await service.post(f"/v1/webhooks/{webhook['id']}/test")).json()
    address = f"/v1/webhooks/deliveries/{delivery['id']}/replay"
    assert (await service.post(address)).status_code == 409
    await end_deliveries(service, status=DeliveryStatus.FAILED, tries=9, ended_at=service.services.clock())
    response = await service.post(address)
    replayed = response.json()
    assert response.status_code == 202
    assert (replayed["id"], replayed["status"]) == (delivery["id"], "pending")
    assert (replayed["tries"], replayed["replayed"], replayed["ended_at"]) == (0, True, None)


async def end_deliveries(service: Service, **values: Any) -> None:
    """End all deliveries, as a worker would."""
    async with service.services.database.writing() as connection:
        await connection.execute(update(webhook_deliveries).values(**values))
