"""What a task's own webhook is told, and how far along that is."""

from collections.abc import Mapping
from typing import Any

from models.midjourney.standing import Standing
from models.midjourney.vocabulary import ENDED, TaskStatus
from models.webhooks import WebhookEvent

LAST = 1000
"""The rank of a task's end."""

_WORDS = 2000  # characters of each text: receivers take 100 kB
_TEXTS = ("prompt", "promptEn", "description", "failReason")
_EVENTS = {TaskStatus.SUCCESS: WebhookEvent.SUCCEEDED, TaskStatus.FAILURE: WebhookEvent.FAILED}


def rank_of(standing: Standing) -> int:
    """Return how far a task is, as one number; nothing is told of a lower one after a higher one.

    0: nothing to tell, for no call has started.
    """
    if standing.status in ENDED:
        return LAST
    if standing.status is TaskStatus.SUBMITTED:
        return 1
    return 2 + int(standing.progress.rstrip("%")) if standing.status is TaskStatus.IN_PROGRESS else 0


def event_of(status: TaskStatus) -> WebhookEvent:
    """Return what the delivery log calls it."""
    if status not in ENDED:
        return WebhookEvent.PROGRESS
    return _EVENTS.get(status, WebhookEvent.CANCELLED)


def hook_body(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task as a webhook tells it: as ``fetch`` does, with long texts shortened."""
    texts = {name: view[name] and view[name][:_WORDS] for name in _TEXTS}
    properties = {
        name: value[:_WORDS] if isinstance(value, str) else value
        for name, value in view["properties"].items()
    }
    return {**view, **texts, "properties": properties}
