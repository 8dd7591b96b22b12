"""What a task's own webhook is told, and how far along that is."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.midjourney.protocol import ENDED, TaskStatus
from models.midjourney.task_status import TaskState
from models.webhook_events import WebhookEvent

LAST = 1000
"""The rank of a task's end."""

STATE_BYTES = 8000
"""A client's own words at most, as JSON writes them: they stand in every message, whole."""

_LIMIT = 20_000  # bytes: a message has fewer
_CUT = "…"
_TEXTS = ("prompt", "promptEn", "description", "failReason")
_EVENTS = {TaskStatus.SUCCESS: WebhookEvent.SUCCEEDED, TaskStatus.FAILURE: WebhookEvent.FAILED}


def rank_of(position: TaskState) -> int:
    """Return how far a task is, as one number; nothing is told of a lower one after a higher one.

    0: nothing to tell, for no call has started.
    """
    if position.status in ENDED:
        return LAST
    if position.status is TaskStatus.SUBMITTED:
        return 1
    return 2 + int(position.progress.rstrip("%")) if position.status is TaskStatus.IN_PROGRESS else 0


def event_of(status: TaskStatus) -> WebhookEvent:
    """Return what the delivery log calls it."""
    if status not in ENDED:
        return WebhookEvent.PROGRESS
    return _EVENTS.get(status, WebhookEvent.CANCELLED)


def hook_body(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task as a webhook tells it: as ``fetch`` does, with its longest texts shortened if need be."""
    body = {**view, "properties": dict(view["properties"])}
    places: list[tuple[dict[str, Any], str]] = [(body, name) for name in _TEXTS]
    places += [(body["properties"], name) for name in body["properties"]]
    texts = [(within, name) for within, name in places if isinstance(within[name], str)]
    sizes = [_size(within[name]) for within, name in texts]
    most = _share(sizes, _LIMIT - 1 - (_size(body) - sum(sizes)))
    for (within, name), size in zip(texts, sizes, strict=True):
        if size > most:
            within[name] = _shortened(within[name], most)
    return body


def _size(value: object) -> int:
    return len(orjson.dumps(value))


def _share(sizes: Sequence[int], room: int) -> int:
    """Return how large each text may be so that all fit; short ones leave their room to the others."""
    for done, size in enumerate(sorted(sizes)):
        share = room // (len(sizes) - done)
        if size > share:
            return share
        room -= size
    return _LIMIT


def _shortened(text: str, most: int) -> str:
    """Cut a text, and show that it was cut, so that JSON writes it in so many bytes."""
    text = text[:most]
    kept = bisect_right(range(1, len(text) + 1), most, key=lambda length: _size(text[:length] + _CUT))
    return text[:kept] + _CUT
