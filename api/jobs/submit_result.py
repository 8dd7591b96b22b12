"""Result of a submit: which of its jobs were accepted, and which were rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from api.jobs.validation import Rejection
from models.queries.jobs import NewJob


class RejectedJob(TypedDict):
    """A submitted job that was not accepted. Stored as JSON with the submit's Idempotency-Key."""

    index: int
    code: str
    message: str
    errors: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """Accepted and rejected jobs of one submit. ``jobs`` is empty if an earlier result is ``replayed``."""

    job_ids: Sequence[UUID]
    rejected: Sequence[RejectedJob]
    jobs: Sequence[NewJob] = ()
    replayed: bool = False

    @property
    def accepted_indexes(self) -> list[int]:
        """Indexes of the accepted jobs in the submitted list, in the order of ``job_ids``."""
        rejected = {each["index"] for each in self.rejected}
        return [index for index in range(len(self.job_ids) + len(rejected)) if index not in rejected]


def rejected_job(index: int, rejection: Rejection) -> RejectedJob:
    """Return the rejection of the job with this index in the submitted list."""
    return {
        "index": index,
        "code": rejection.code,
        "message": rejection.message,
        "errors": [dict(each) for each in rejection.errors],
    }
