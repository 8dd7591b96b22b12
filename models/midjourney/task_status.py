"""Where a task stands: worked out from its jobs until it has ended, and then what it ended with."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any

from models.midjourney.protocol import TaskStatus
from models.states import FINAL, JobStatus

SETTLED = FINAL | {JobStatus.HELD}
"""Where a part stays. Nobody decides about a held part here: for its task it counts as failed."""

_ALMOST = 99  # per cent until the pictures are put together; 100 means success to clients


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task's state as clients see it."""

    status: TaskStatus
    progress: str
    started_at: datetime | None


def task_state_of(task: Any, parts: Sequence[Any]) -> TaskState:
    """Return where a task stands. ``parts`` are its jobs in order; once it has ended they do not matter."""
    if task.outcome is not None:
        progress = "100%" if task.outcome == TaskStatus.SUCCESS else ""
        return TaskState(TaskStatus(task.outcome), progress, task.started_at)
    if task.modal is not None:
        return TaskState(TaskStatus.MODAL, "0%", None)
    starts = [part.started_at for part in parts if part.started_at is not None]
    if not starts:
        return TaskState(TaskStatus.NOT_START, "0%", None)
    if not any(_advanced(part) for part in parts):
        return TaskState(TaskStatus.SUBMITTED, "0%", min(starts))
    # over the calls that it began with: those that come later, for missing pictures, must not take it back
    first = parts[: task.request.get("calls")]
    percent = sum(_percent(part) for part in first) // len(first)
    return TaskState(TaskStatus.IN_PROGRESS, f"{min(percent, _ALMOST)}%", min(starts))


def started_at(parts: Sequence[Any], *, ended: datetime) -> datetime:
    """Return when a task began that has ended: for clients count on it, then if no call has ever started."""
    return min((part.started_at for part in parts if part.started_at is not None), default=ended)


def _advanced(part: Any) -> bool:
    """Tell whether a part is past the beginning of its first call; a state once told is never taken back."""
    if part.started_at is None:
        return False
    fresh = part.status == JobStatus.RUNNING and part.progress == 0 and part.attempts_used <= 1
    return not fresh


def _percent(part: Any) -> int:
    return 100 if part.status in SETTLED else int(part.progress)


# Which pictures a task shows, in the order of their numbers.


def numbered(pictures: Sequence[Any], wanted: int) -> list[Any]:
    """Number the pictures of a task's parts: the first of each part, then what parts have to spare.

    ``pictures`` are asset rows in the order of parts. Missing ones leave no gap, so number 1 is always there.
    """
    by_part: defaultdict[Any, list[Any]] = defaultdict(list)
    for picture in pictures:
        by_part[picture.job_id].append(picture)
    rounds = chain.from_iterable(zip_longest(*by_part.values()))
    return [picture for picture in rounds if picture is not None][:wanted]
