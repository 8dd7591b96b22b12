"""Events of the OpenAI API's objects: bodies of webhook messages that are the object's id alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from models.clock import rfc3339
from models.ids import public_id


def event_body(delivery: UUID, event: str, object_id: str, at: datetime) -> dict[str, Any]:
    """Return the body of a delivery: OpenAI's event, with the ``timestamp`` of Standard Webhooks."""
    return {
        "id": public_id("delivery", delivery),
        "object": "event",
        "type": event,
        "created_at": int(at.timestamp()),
        "timestamp": rfc3339(at),
        "data": {"id": object_id},
    }


def response_id(job: UUID) -> str:
    """Return the id of the response of a job: the job's digits with OpenAI's prefix."""
    return f"resp_{public_id('job', job).partition('_')[2]}"
