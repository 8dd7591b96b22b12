"""Which held jobs a caller decides about, and why: the bodies of release and fail, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.jobs.schemas import Filled, moment_of
from api.jobs.validation import fault_of
from api.web.problems import Problem, invalid
from models.errors import NotFound
from models.ids import parse_id
from models.queries.held_jobs import HeldFilter

MANY = 1000  #: ids in one request
_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_Reason = Annotated[str, Field(min_length=1, max_length=500, description="why, in your words"), Filled]
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


class Releasing(BaseModel):
    """Which held jobs call again: exactly one of ``ids`` and ``filter``."""

    model_config = _STRICT

    ids: list[str] | None = Field(None, min_length=1, max_length=MANY, description="job_…")
    filter: HeldJobs | None = None

    @model_validator(mode="after")
    def _either(self) -> "Releasing":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self


class Failing(Releasing):
    """Which held jobs are given up: exactly one of ``ids`` and ``filter``."""

    reason: _Reason | None = None


class FailingOne(BaseModel):
    """Why a held job is given up."""

    model_config = _STRICT

    reason: _Reason | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs meant: by id, or by a filter. ``unknown`` are ids that can't be a job's."""

    job_ids: Sequence[UUID]
    unknown: Sequence[str]
    filter: HeldFilter | None
    reason: str


def reason_in(value: Any) -> str:
    """Read the body of a single fail. Raises the 422 problem."""
    try:
        return FailingOne.model_validate(value).reason or ""
    except ValidationError as error:
        raise _refused(error) from error


def chosen_in(value: Any, *, takes_reason: bool) -> Chosen:
    """Read the body of a decision about many. Raises the 422 problem."""
    try:
        given = (Failing if takes_reason else Releasing).model_validate(value)
    except ValidationError as error:
        raise _refused(error) from error
    reason = (given.reason if isinstance(given, Failing) else None) or ""
    if given.filter is not None:
        return Chosen((), (), _filter(given.filter), reason)
    known, unknown = [], []
    for text in dict.fromkeys(given.ids or ()):
        try:
            known.append(parse_id("job", text))
        except NotFound:
            unknown.append(text[:64])
    return Chosen(known, unknown, None, reason)


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
        return parse_id("job", text) if text.startswith("job_") else moment_of(text)
    except (NotFound, ValueError) as error:
        raise invalid(
            f"filter.{name}", "write a job's id, or a time such as 2026-01-31T18:00:00Z (RFC 3339)"
        ) from error


def _refused(error: ValidationError) -> Problem:
    fault = fault_of(error)
    return Problem(422, fault.code, fault.message, errors=fault.errors)
