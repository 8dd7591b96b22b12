"""Webhook endpoints and deliveries as JSON."""

from typing import Any

from models.clock import rfc3339
from models.credentials.encryption import SecretCipher, UnreadableSecret
from models.ids import public_id
from models.serializers import moment
from models.webhook_events import DEFAULT_EVENTS, DeliveryStatus
from worker.webhooks.signature import hint_of_secret

DEFAULT_ID = "default"  #: the public id of every caller's default endpoint


def webhook_view(row: Any, cipher: SecretCipher, *, secret: str | None = None) -> dict[str, Any]:
    """Return an endpoint as JSON; ``secret`` only in the response that creates or rotates it."""
    view = {
        "id": DEFAULT_ID if row.url is None else public_id("webhook", row.id),
        "object": "webhook",
        "url": row.url,
        "description": row.description,
        "events": sorted(each.value for each in DEFAULT_EVENTS) if row.url is None else row.events,
        "enabled": row.disabled_at is None,
        "disabled_at": moment(row.disabled_at),
        "disabled_reason": row.disabled_reason,
        "secret_hint": _hint(row.secret, cipher),
        "previous_secret_until": moment(row.previous_until),
        "created_at": rfc3339(row.created_at),
    }
    return view if secret is None else {**view, "secret": secret}


def _hint(stored: str, cipher: SecretCipher) -> str:
    try:
        return hint_of_secret(cipher.decrypt(stored))
    except UnreadableSecret:
        return "unreadable"


def delivery_view(row: Any) -> dict[str, Any]:
    """Return a delivery as JSON, with the log of its last attempts."""
    pending = row.status == DeliveryStatus.PENDING
    return {
        "id": public_id("delivery", row.id),
        "object": "webhook_delivery",
        "webhook": DEFAULT_ID if row.endpoint_id is None else public_id("webhook", row.endpoint_id),
        "job": None if row.job_id is None else public_id("job", row.job_id),
        "type": row.event,
        "revision": row.revision,
        "url": row.url,
        "status": row.status,
        "replayed": row.replayed,
        "tries": row.tries,
        "created_at": rfc3339(row.at),
        "next_at": rfc3339(row.next_at) if pending else None,
        "ended_at": moment(row.ended_at),
        "log": row.log,
    }
