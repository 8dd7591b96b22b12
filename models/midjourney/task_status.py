"""Status of a task: derived from its jobs until it has ended, then from its result."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any

from models.midjourney.protocol import TaskStatus
from models.states import FINAL, JobStatus

SETTLED = FINAL | {JobStatus.HELD}
"""Job statuses in which a part stays: for its task, a held job has failed."""

_INSTANT_PROGRESS = "50%"  # of a task that needs no call
_MAX_OPEN_PERCENT = 99  # until the task has ended: for clients 100 means success


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task's state as clients see it."""

    status: TaskStatus
    progress: str
    started_at: datetime | None


def task_state_of(task: Any, parts: Sequence[Any], at: datetime) -> TaskState:
    """Return the state of a task. ``parts`` are its jobs in order; they are not used once it has ended.

    A task that needed no call has its result from the start, and is shown in progress until its
    ``finished_at``: web clients miss the end of a task that they have never seen open.
    """
    has_call = bool(task.request.get("calls"))
    if task.outcome == TaskStatus.SUCCESS and not has_call and task.finished_at and task.finished_at > at:
        return TaskState(TaskStatus.IN_PROGRESS, _INSTANT_PROGRESS, task.started_at)
    if task.outcome is not None:
        progress = "100%" if task.outcome == TaskStatus.SUCCESS else ""
        return TaskState(TaskStatus(task.outcome), progress, task.started_at)
    if task.modal is not None:
        return TaskState(TaskStatus.MODAL, "0%", None)
    starts = [part.started_at for part in parts if part.started_at is not None]
    if not starts:
        return TaskState(TaskStatus.NOT_START, "0%", None)
    if not any(_has_advanced(part) for part in parts):
        return TaskState(TaskStatus.SUBMITTED, "0%", min(starts))
    # over the calls of its submit: those of a top-up must not lower the progress
    first_calls = parts[: task.request.get("calls")]
    percent = sum(_percent(part) for part in first_calls) // len(first_calls)
    return TaskState(TaskStatus.IN_PROGRESS, f"{min(percent, _MAX_OPEN_PERCENT)}%", min(starts))


def end_times(parts: Sequence[Any], at: datetime) -> dict[str, datetime]:
    """Return the time columns of a task that ends now.

    Clients rely on a start time, so a task of which no call has started gets that of its end.
    """
    starts = (part.started_at for part in parts if part.started_at is not None)
    return {"started_at": min(starts, default=at), "finished_at": at}


def number_images(images: Sequence[Any], wanted: int) -> list[Any]:
    """Return up to ``wanted`` images in the order of their numbers: the first of each part, then the rest.

    ``images`` are asset rows in the order of parts. Missing ones leave no gap, so number 1 always exists.
    """
    by_part: defaultdict[Any, list[Any]] = defaultdict(list)
    for image in images:
        by_part[image.job_id].append(image)
    rounds = chain.from_iterable(zip_longest(*by_part.values()))
    return [image for image in rounds if image is not None][:wanted]


def _has_advanced(part: Any) -> bool:
    """Return whether a part is past the start of its first call. Never reverts, so statuses do not either."""
    if part.started_at is None:
        return False
    fresh = part.status == JobStatus.RUNNING and part.progress == 0 and part.attempts_used <= 1
    return not fresh


def _percent(part: Any) -> int:
    return 100 if part.status in SETTLED else int(part.progress)
