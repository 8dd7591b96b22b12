"""Webhooks of batches: a delivery to each endpoint of their caller that is subscribed to the event."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import new_id, public_id
from models.openai.batch_status import BatchStatus
from models.openai.events import event_body
from models.queries.webhooks.endpoints import list_endpoints
from models.queries.webhooks.outbox import BODY_KEY, insert_deliveries, new_delivery
from models.webhook_events import WebhookEvent


async def enqueue_batch_event(
    connection: AsyncConnection, batch: Any, status: BatchStatus, at: datetime
) -> None:
    """Insert a delivery for each subscribed endpoint, in the transaction in which the batch ends."""
    event = WebhookEvent(f"batch.{status.value}")
    deliveries = []
    for endpoint in await list_endpoints(connection, batch.caller_id):
        if endpoint.disabled_at is not None or event not in endpoint.events:
            continue
        key = new_id()
        body = event_body(key, event.value, public_id("batch", batch.id), at)
        deliveries.append(
            new_delivery(
                id=key,
                caller_id=batch.caller_id,
                endpoint_id=endpoint.id,
                job_id=None,
                url=endpoint.url,
                event=event,
                revision=0,
                snapshot={BODY_KEY: body, "started_at": None, "finished_at": None},
                at=at,
            )
        )
    if deliveries:
        await insert_deliveries(connection, deliveries)
