"""Release or fail held jobs: read the request body, and change many jobs with few statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Row

from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.jobs.schemas import NonBlank
from api.jobs.selection.job_conditions import JobConditions, problem_of_validation, read_job_ids
from api.services import ApiServices
from models.ids import public_id
from models.queries.selection.held_jobs import callers_with_held, lock_held, lock_jobs
from models.queries.selection.job_filter import JobFilter
from models.states import JobStatus
from worker.lifecycle import JobUpdate, commit, fail_held, release_held

JOBS_PER_TRANSACTION = 1000
JOBS_PER_REQUEST = 10_000  #: jobs changed by one request with a filter
IDS_PER_REQUEST = 1000
S = JobStatus


# Request bodies


_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_Reason = Annotated[
    str,
    Field(min_length=1, max_length=500, description="reason in your own words, kept in the job's error"),
    NonBlank,
]


class HeldJobs(JobConditions):
    """Filter of held jobs: the caller's, or with an admin's key all; without a condition it matches all."""

    status: Literal["held"] = Field("held", description="only held jobs can be released or failed")


class ReleaseRequest(BaseModel):
    """Held jobs to release: exactly one of ``ids`` and ``filter``."""

    model_config = _STRICT

    ids: list[str] | None = Field(
        None, min_length=1, max_length=IDS_PER_REQUEST, description="job ids: job_…"
    )
    filter: HeldJobs | None = None

    @model_validator(mode="after")
    def _either(self) -> "ReleaseRequest":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self


class FailRequest(ReleaseRequest):
    """Held jobs to fail: exactly one of ``ids`` and ``filter``."""

    reason: _Reason | None = None


class FailJobRequest(BaseModel):
    """Reason for failing a held job."""

    model_config = _STRICT

    reason: _Reason | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs chosen by id or by a filter. ``unknown`` are ids that are malformed.

    ``caller``: name or id of the only caller whose jobs an admin's filter matches.
    """

    job_ids: Sequence[UUID]
    unknown: Sequence[str]
    filter: JobFilter | None
    reason: str
    caller: str | None = None


def read_reason(value: Any) -> str:
    """Return the reason in the body of a single fail. Raises the 422 problem."""
    try:
        return FailJobRequest.model_validate(value).reason or ""
    except ValidationError as error:
        raise problem_of_validation(error) from error


async def read_selection(
    services: ApiServices, caller: Caller, value: Any, *, takes_reason: bool
) -> Selection:
    """Return the jobs chosen in the body of a bulk request. Raises the 422 problem."""
    try:
        given = (FailRequest if takes_reason else ReleaseRequest).model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    reason = (given.reason if isinstance(given, FailRequest) else None) or ""
    if given.filter is not None:
        wanted = given.filter.to_filter("filter.", with_parts=True)
        return Selection((), (), wanted, reason, given.filter.caller)
    job_ids, unknown = await read_job_ids(services.database, caller, given.ids or ())
    return Selection(job_ids, unknown, None, reason)


# Decisions


@dataclass(frozen=True, slots=True)
class HeldDecision:
    """A decision about held jobs, as the transition it leads to."""

    update: Callable[[Row[Any], datetime, str, str], JobUpdate]  #: of job, time, reason, and who decides
    done: frozenset[JobStatus]  #: states of a job for which the decision was made before
    advice: str  #: for jobs in any other state
    takes_reason: bool = False


RELEASE = HeldDecision(
    lambda job, at, _reason, _by: release_held(job, at=at),
    frozenset({S.QUEUED, S.LEASED, S.RUNNING, S.STORING}),
    "only held jobs can be released; start a finished one again with retry",
)
FAIL = HeldDecision(
    lambda job, at, reason, by: fail_held(job, reason, at=at, by=by),
    frozenset({S.FAILED}),
    "only held jobs can be failed; stop others with cancel",
    takes_reason=True,
)


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """Result of a decision about many jobs."""

    changed: int = 0
    unchanged: int = 0  #: in a state of ``HeldDecision.done`` already
    refused: Sequence[dict[str, str]] = ()
    more: bool = False  #: further jobs match the filter

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": list(self.refused),
            "more": self.more,
        }


async def decide_by_id(
    services: ApiServices,
    caller: Caller,
    job_ids: Sequence[UUID],
    decision: HeldDecision,
    reason: str,
    *,
    unknown: Sequence[str] = (),
) -> DecisionResult:
    """Apply a decision to jobs by id, in one transaction. ``unknown`` are malformed ids."""
    at = services.clock()
    async with services.database.writing() as connection:
        found = {row.id: row for row in await lock_jobs(connection, caller.scope, job_ids)}
        held = [row for row in found.values() if row.status == S.HELD]
        await commit(connection, [_update(caller, decision, row, at, reason) for row in held])
    if held:
        services.notifier.notify()
    unchanged = [row for row in found.values() if S(row.status) in decision.done]
    missing = [*unknown, *(public_id("job", job_id) for job_id in job_ids if job_id not in found)]
    others = [row for row in found.values() if row.status != S.HELD and S(row.status) not in decision.done]
    refused = [_refusal(each, "not_found", f"There is no job {each!r}.") for each in missing]
    refused += [
        _refusal(public_id("job", row.id), "conflict", f"This job is {row.status}; {decision.advice}.")
        for row in others
    ]
    return DecisionResult(len(held), len(unchanged), refused)


def _refusal(job_id: str, code: str, message: str) -> dict[str, str]:
    return {"id": job_id, "code": code, "message": message}


def _update(caller: Caller, decision: HeldDecision, job: Row[Any], at: datetime, reason: str) -> JobUpdate:
    by = "its caller" if job.caller_id == caller.id else "an administrator"
    return decision.update(job, at, reason, by)


async def decide_by_filter(
    services: ApiServices,
    caller: Caller,
    wanted: JobFilter,
    decision: HeldDecision,
    reason: str,
    *,
    of: str | None = None,
) -> DecisionResult:
    """Apply a decision to the held jobs that match a filter, each once, up to ``JOBS_PER_REQUEST``.

    ``of``: name or id of the only caller whose jobs an admin means.
    """
    async with services.database.reading() as connection:
        caller_ids = await callers_with_held(connection, await callers_in_scope(connection, caller, of))
    changed = 0
    for caller_id in caller_ids:
        above: UUID | None = None
        while changed < JOBS_PER_REQUEST:
            at = services.clock()
            async with services.database.writing() as connection:
                held = await lock_held(connection, caller_id, wanted, above=above, limit=JOBS_PER_TRANSACTION)
                await commit(connection, [_update(caller, decision, row, at, reason) for row in held])
            changed += len(held)
            if held:
                services.notifier.notify()
            if len(held) < JOBS_PER_TRANSACTION:
                break
            above = held[-1].id
    return DecisionResult(changed, more=changed >= JOBS_PER_REQUEST)
