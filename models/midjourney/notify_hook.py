"""notifyHook: the body of a task's own webhook, and the rank of its progress."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.midjourney.protocol import ENDED, TaskStatus
from models.midjourney.task_status import TaskState
from models.webhook_events import WebhookEvent

SUBMITTED_RANK = 1
"""Rank of a task's first message."""

END_RANK = 1000
"""Rank of a task's end."""

MAX_STATE_BYTES = 8000
"""Size limit of a client's ``state``, as JSON: every message has it uncut."""

_SIZE_LIMIT = 20_000  # bytes; a message has fewer
_ELLIPSIS = "…"
_TEXTS = ("prompt", "promptEn", "description", "failReason")
_EVENTS = {
    TaskStatus.SUBMITTED: WebhookEvent.STARTED,
    TaskStatus.SUCCESS: WebhookEvent.SUCCEEDED,
    TaskStatus.FAILURE: WebhookEvent.FAILED,
    TaskStatus.CANCEL: WebhookEvent.CANCELLED,
}
_NO_RESULT = ("finishTime", "imageUrl", "imageUrls", "videoUrl", "videoUrls", "failReason")


def progress_rank(state: TaskState) -> int:
    """Return a task's progress as one number; messages are sent in rising order.

    0: no message, for no call has started.
    """
    if state.status in ENDED:
        return END_RANK
    if state.status is TaskStatus.SUBMITTED:
        return SUBMITTED_RANK
    return 2 + int(state.progress.rstrip("%")) if state.status is TaskStatus.IN_PROGRESS else 0


def webhook_event_of(status: TaskStatus) -> WebhookEvent:
    """Return the event under which the delivery log has a message."""
    return _EVENTS.get(status, WebhookEvent.PROGRESS)


def submitted_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task that is further on as it was when its first call started."""
    status = TaskStatus.SUBMITTED.value
    displays = {**view["displays"], "status": status, "finishTime": ""}
    shown = {"status": status, "progress": "0%", "buttons": [], "displays": displays}
    return {**view, **dict.fromkeys(_NO_RESULT), **shown}


def hook_body(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a message: a task as ``fetch`` shows it, its longest texts cut to the limit."""
    body = {**view, "properties": dict(view["properties"])}
    members: list[tuple[dict[str, Any], str]] = [(body, name) for name in _TEXTS]
    members += [(body["properties"], name) for name in body["properties"]]
    texts = [(owner, name) for owner, name in members if isinstance(owner[name], str)]
    sizes = [_size(owner[name]) for owner, name in texts]
    limit = _fair_limit(sizes, _SIZE_LIMIT - 1 - (_size(body) - sum(sizes)))
    for (owner, name), size in zip(texts, sizes, strict=True):
        if size > limit:
            owner[name] = _cut(owner[name], limit)
    return body


def _size(value: object) -> int:
    return len(orjson.dumps(value))


def _fair_limit(sizes: Sequence[int], room: int) -> int:
    """Return the size limit of each text so that all fit (max-min fair: short texts leave their room)."""
    for done, size in enumerate(sorted(sizes)):
        share = room // (len(sizes) - done)
        if size > share:
            return share
        room -= size
    return _SIZE_LIMIT


def _cut(text: str, limit: int) -> str:
    """Cut a text so that, with an ellipsis and as JSON, it has at most ``limit`` bytes."""
    text = text[:limit]
    length = bisect_right(range(1, len(text) + 1), limit, key=lambda end: _size(text[:end] + _ELLIPSIS))
    return text[:length] + _ELLIPSIS
