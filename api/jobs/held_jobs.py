"""Carrying out a caller's decision about held jobs, in few statements however many they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Row

from api.auth import Caller
from api.jobs.schemas import NonBlank, parse_timestamp
from api.jobs.validation import rejection_of
from api.services import ApiServices
from api.web.problems import Problem, invalid_field
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.held_jobs import HeldFilter, lock_held, lock_jobs
from models.queries.transitions import Transition, apply
from models.states import JobStatus
from worker.lifecycle import fail_held, release_held

CHUNK = 1000  #: jobs in one transaction
MOST = 10_000  #: jobs in one request
S = JobStatus


@dataclass(frozen=True, slots=True)
class HeldDecision:
    """What a caller may decide about a held job."""

    transition: Callable[[Row[Any], datetime, str], Transition]
    done: frozenset[JobStatus]  #: where a job is already as it was wanted
    advice: str  #: for jobs that are elsewhere
    takes_reason: bool = False


RELEASE = HeldDecision(
    lambda job, at, _: release_held(job, at=at),
    frozenset({S.QUEUED, S.LEASED, S.RUNNING, S.STORING}),
    "only held jobs can be released; start a finished one again with retry",
)
FAIL = HeldDecision(
    lambda job, at, reason: fail_held(job, reason, at=at),
    frozenset({S.FAILED}),
    "only held jobs can be failed; stop others with cancel",
    takes_reason=True,
)


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What became of a decision about many jobs."""

    changed: int = 0
    unchanged: int = 0  #: were so already
    refused: Sequence[dict[str, str]] = ()
    more: bool = False  #: further jobs fit the filter: ask again

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
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
    """Decide about some jobs by id. ``unknown`` are ids that can't be a job's."""
    at = services.clock()
    async with services.database.writing() as connection:
        found = {row.id: row for row in await lock_jobs(connection, caller.id, job_ids)}
        held = [row for row in found.values() if row.status == S.HELD]
        await apply(connection, [decision.transition(row, at, reason) for row in held])
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


async def decide_by_filter(
    services: ApiServices, caller: Caller, wanted: HeldFilter, decision: HeldDecision, reason: str
) -> DecisionResult:
    """Decide about the held jobs that fit a filter, each at most once, up to ``MOST``."""
    changed, above = 0, None
    while changed < MOST:
        at = services.clock()
        async with services.database.writing() as connection:
            held = await lock_held(connection, caller.id, wanted, above=above, limit=CHUNK)
            await apply(connection, [decision.transition(row, at, reason) for row in held])
        changed += len(held)
        if held:
            services.notifier.notify()
        if len(held) < CHUNK:
            return DecisionResult(changed)
        above = held[-1].id
    return DecisionResult(changed, more=True)


# Which held jobs a caller decides about, and why: the bodies of release and fail, checked.

MANY = 1000  #: ids in one request
_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_Reason = Annotated[str, Field(min_length=1, max_length=500, description="why, in your words"), NonBlank]
_Bound = Annotated[str, Field(min_length=1, max_length=64)]


class HeldJobs(BaseModel):
    """Held jobs by what they have in common; without a condition, all of yours."""

    model_config = _STRICT

    status: Literal["held"] = Field("held", description="only held jobs wait for a decision")
    model: str | None = Field(None, min_length=1, max_length=256, description="its exact name")
    campaign: str | None = Field(None, min_length=1, max_length=128, description="its exact name")
    tag: str | None = Field(None, min_length=1, max_length=64, description="one of the job's tags")
    error_code: str | None = Field(None, min_length=1, max_length=64, description="error.code of the job")
    before: _Bound | None = Field(None, description="made before this job, or this time (RFC 3339)")
    after: _Bound | None = Field(None, description="made after this job, or this time (RFC 3339)")


class ReleaseRequest(BaseModel):
    """Which held jobs call again: exactly one of ``ids`` and ``filter``."""

    model_config = _STRICT

    ids: list[str] | None = Field(None, min_length=1, max_length=MANY, description="job_…")
    filter: HeldJobs | None = None

    @model_validator(mode="after")
    def _either(self) -> "ReleaseRequest":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self


class FailRequest(ReleaseRequest):
    """Which held jobs are given up: exactly one of ``ids`` and ``filter``."""

    reason: _Reason | None = None


class FailJobRequest(BaseModel):
    """Why a held job is given up."""

    model_config = _STRICT

    reason: _Reason | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The jobs meant: by id, or by a filter. ``unknown`` are ids that can't be a job's."""

    job_ids: Sequence[UUID]
    unknown: Sequence[str]
    filter: HeldFilter | None
    reason: str


def read_reason(value: Any) -> str:
    """Read the body of a single fail. Raises the 422 problem."""
    try:
        return FailJobRequest.model_validate(value).reason or ""
    except ValidationError as error:
        raise _refused(error) from error


def read_selection(value: Any, *, takes_reason: bool) -> Selection:
    """Read the body of a decision about many. Raises the 422 problem."""
    try:
        given = (FailRequest if takes_reason else ReleaseRequest).model_validate(value)
    except ValidationError as error:
        raise _refused(error) from error
    reason = (given.reason if isinstance(given, FailRequest) else None) or ""
    if given.filter is not None:
        return Selection((), (), _filter(given.filter), reason)
    known, unknown = [], []
    for text in dict.fromkeys(given.ids or ()):
        try:
            known.append(parse_id("job", text))
        except NotFound:
            unknown.append(text[:64])
    return Selection(known, unknown, None, reason)


def _filter(given: HeldJobs) -> HeldFilter:
    return HeldFilter(
        model=given.model,
        campaign=given.campaign,
        tag=given.tag,
        error_code=given.error_code,
        before=_bound("before", given.before),
        after=_bound("after", given.after),
    )


def _bound(name: str, text: str | None) -> UUID | datetime | None:
    if text is None:
        return None
    try:
        return parse_id("job", text) if text.startswith("job_") else parse_timestamp(text)
    except (NotFound, ValueError) as error:
        raise invalid_field(
            f"filter.{name}", "write a job's id, or a time such as 2026-01-31T18:00:00Z (RFC 3339)"
        ) from error


def _refused(error: ValidationError) -> Problem:
    fault = rejection_of(error)
    return Problem(422, fault.code, fault.message, errors=fault.errors)
