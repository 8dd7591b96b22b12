"""State of a picture task, from its job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from api.openai.errors import Failure
from api.openai.results import JobResult, asset_facts
from models.states import JobStatus

S = JobStatus


class TaskState(StrEnum):
    """Where a task stands, by E's words."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES: Mapping[JobStatus, TaskState] = {
    S.QUEUED: TaskState.PENDING,
    S.LEASED: TaskState.PENDING,
    S.AWAITING_INPUT: TaskState.PENDING,
    S.RUNNING: TaskState.PROCESSING,
    S.STORING: TaskState.PROCESSING,
    S.SUCCEEDED: TaskState.COMPLETED,
    S.CANCELLED: TaskState.CANCELLED,
    S.HELD: TaskState.FAILED,  # sent again it might be paid twice: the error says who decides
    S.FAILED: TaskState.FAILED,
    S.EXPIRED: TaskState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureTask:
    """A task as its documents need it. Times are Unix seconds."""

    id: str
    state: TaskState
    progress: int  #: percent
    model: str
    prompt: str
    created: int
    started: int | None
    finished: int | None
    pictures: Sequence[Mapping[str, Any]]  #: facts of its assets
    failure: Failure | None  #: why it has no pictures

    @property
    def urls(self) -> list[str]:
        """Addresses of its pictures."""
        return [str(each["url"]) for each in self.pictures]

    @property
    def seconds(self) -> int | None:
        """How long it took."""
        return None if self.finished is None else max(0, self.finished - self.created)


def picture_task(result: JobResult, *, public_url: str) -> PictureTask:
    """Return the task of a job."""
    job, state = result.job, _STATES[result.status]
    done = state is TaskState.COMPLETED
    failed = state in (TaskState.FAILED, TaskState.CANCELLED)
    return PictureTask(
        id=result.id,
        state=state,
        progress=100 if done else min(job.progress, 99),
        model=job.model,
        prompt=job.prompt,
        created=int(job.created_at.timestamp()),
        started=_seconds(job.started_at),
        finished=_seconds(job.finished_at) if done or failed else None,
        pictures=[asset_facts(each, public_url=public_url) for each in result.assets] if done else (),
        failure=result.failure if failed else None,
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
