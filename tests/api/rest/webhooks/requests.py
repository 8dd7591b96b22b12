"""Requests to the webhook API that several tests make."""

from typing import Any

from tests.api.service import Service

URL = "https://receiver.example/darkroom"


async def create_webhook(service: Service, **fields: Any) -> dict[str, Any]:
    """Create an endpoint and return it as JSON."""
    response = await service.post("/v1/webhooks", json={"url": URL, **fields})
    assert response.status_code == 201, response.text
    webhook: dict[str, Any] = response.json()
    return webhook


async def list_deliveries(service: Service, webhook_id: str, **query: Any) -> list[dict[str, Any]]:
    """Return a page of the deliveries of an endpoint."""
    response = await service.get(f"/v1/webhooks/{webhook_id}/deliveries", params=query)
    assert response.status_code == 200, response.text
    page: list[dict[str, Any]] = response.json()["data"]
    return page
