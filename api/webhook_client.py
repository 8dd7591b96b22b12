"""The part of the client that is about webhooks."""

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

from api.client import DarkroomClient, segment

_ROOT = "/v1/webhooks"
_PAUSE = 0.2  # seconds between looks at a delivery


class WebhookClient:
    """Asks a server about webhooks."""

    def __init__(self, client: DarkroomClient) -> None:
        self._client = client

    def create(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Make a webhook; the answer has its secret."""
        return self._ask("POST", _ROOT, json=webhook)

    def list(self) -> list[dict[str, Any]]:
        """Return all webhooks."""
        found: list[dict[str, Any]] = self._ask("GET", _ROOT)["data"]
        return found

    def show(self, webhook_id: str) -> dict[str, Any]:
        """Return one webhook."""
        return self._ask("GET", _one(webhook_id))

    def change(self, webhook_id: str, **changes: Any) -> dict[str, Any]:
        """Change a webhook."""
        return self._ask("PATCH", _one(webhook_id), json=changes)

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        self._client.ask("DELETE", _one(webhook_id))

    def rotate(self, webhook_id: str, *, overlap: int | None) -> dict[str, Any]:
        """Make a new secret; the old one signs too for ``overlap`` seconds."""
        return self._ask(
            "POST", f"{_one(webhook_id)}/rotate", json={} if overlap is None else {"overlap": overlap}
        )

    def test(self, webhook_id: str, *, timeout: float) -> dict[str, Any]:
        """Send a test; return its delivery once it has ended, or as it is after ``timeout`` seconds."""
        delivery = self._ask("POST", f"{_one(webhook_id)}/test")
        end = monotonic() + timeout
        while delivery["status"] == "pending" and monotonic() < end:
            sleep(_PAUSE)
            delivery = self._ask("GET", f"{_ROOT}/deliveries/{segment(delivery['id'], 'delivery')}")
        return delivery

    def deliveries(self, webhook_id: str, *, limit: int, status: str | None) -> Iterator[dict[str, Any]]:
        """Yield up to ``limit`` deliveries, newest first, page by page."""
        chosen: dict[str, Any] = {"status": status} if status else {}
        before: dict[str, Any] = {}
        while limit > 0:
            query = {**chosen, **before, "limit": min(limit, 100)}
            page = self._ask("GET", f"{_one(webhook_id)}/deliveries", params=query)
            yield from page["data"]
            limit -= len(page["data"])
            if not page.get("next") or not page["data"]:
                return
            before = {"before": page["next"]}

    def replay(self, delivery_id: str) -> dict[str, Any]:
        """Send a delivery once more."""
        return self._ask("POST", f"{_ROOT}/deliveries/{segment(delivery_id, 'delivery')}/replay")

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.ask(method, path, **options)
        return answer


def _one(webhook_id: str) -> str:
    return f"{_ROOT}/{segment(webhook_id, 'webhook')}"
