"""The one grammar of job filters: as query parameters of lists and streams, as JSON in bulk requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from api.auth import Caller
from api.jobs.schemas import Timestamp, parse_timestamp
from api.jobs.selection.failures import read_groups
from api.jobs.validation import rejection_of
from api.services import ApiServices
from api.web.problems import Problem, invalid_field
from models.checks.findings import Check
from models.database import Database
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id, short_range
from models.queries.selection.job_filter import SEARCHED, JobFilter
from models.queries.short_ids import whole_id
from models.states import JobStatus

IDS_PER_REQUEST = 1000
ANY_SURFACE = "any"  #: surface of every job, parts of tasks too
SHORT_IDS = 100  #: short ids in one request; each is looked up
_Status = Annotated[JobStatus, Field(strict=False)]
_Bound = Annotated[str, Field(min_length=1, max_length=64)]


def _split(value: object) -> object:
    """Return the parts of a comma-separated text, each once; anything else stays."""
    if not isinstance(value, str):
        return value
    return list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


class JobConditions(BaseModel):
    """Conditions on jobs; all that are given must hold."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    model: str | None = Field(None, min_length=1, max_length=256, description="exact name of the model")
    campaign: str | None = Field(None, min_length=1, max_length=128, description="exact name of the campaign")
    tag: str | None = Field(None, min_length=1, max_length=64, description="one of the job's tags")
    surface: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="API through which the jobs were submitted, such as rest. Parts of midjourney tasks "
        f"match only surface=midjourney and surface={ANY_SURFACE}, which every job matches",
    )
    error_code: str | None = Field(None, min_length=1, max_length=64, description="error.code of the job")
    channel: str | None = Field(
        None, min_length=1, max_length=128, description="name of the channel of the present or last call"
    )
    worker: str | None = Field(
        None, min_length=1, max_length=64, description="id of the worker that has the jobs in hand"
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description=f"a part of the prompt, in any case; looked for in the newest {SEARCHED:,} jobs",
    )
    created_after: Timestamp = Field(None, description="created at this time or later (RFC 3339)")
    created_before: Timestamp = Field(None, description="created earlier than this (RFC 3339)")
    finished_after: Timestamp = Field(None, description="finished at this time or later (RFC 3339)")
    finished_before: Timestamp = Field(None, description="finished earlier than this (RFC 3339)")
    before: _Bound | None = Field(None, description="created before this job id or time (RFC 3339)")
    after: _Bound | None = Field(None, description="created after this job id or time (RFC 3339)")
    action: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="id of a bulk action: its jobs, or takes that it made",
    )
    verdict: Literal["pick", "reject", "none"] | None = Field(
        None, description="verdict on the picture, of newest takes of campaigns; none: not judged"
    )
    check: Annotated[Check, Field(strict=False)] | None = Field(
        None, description=f"what was found in a picture: {', '.join(Check)}"
    )
    caller: str | None = Field(
        None, min_length=1, max_length=100, description="with an admin's key: name or id of the only caller"
    )

    def statuses(self) -> Sequence[str]:
        """Return the only statuses that match; none: any."""
        return ()

    def to_filter(self, prefix: str = "", *, with_parts: bool = False) -> JobFilter:
        """Return the filter; ``prefix`` precedes field names in errors. Raises the 422 problem.

        ``with_parts``: without a surface, parts of Midjourney tasks match too.
        """
        return JobFilter(
            statuses=self.statuses(),
            channel=self.channel,
            worker=_key(f"{prefix}worker", "worker", self.worker),
            model=self.model,
            campaign=self.campaign,
            tag=self.tag,
            surface=None if self.surface == ANY_SURFACE else self.surface,
            error_code=self.error_code,
            text=self.text,
            created_after=self.created_after,
            created_before=self.created_before,
            finished_after=self.finished_after,
            finished_before=self.finished_before,
            before=_bound(f"{prefix}before", self.before, latest=False),
            after=_bound(f"{prefix}after", self.after, latest=True),
            verdict=self.verdict,
            check=self.check,
            action=_key(f"{prefix}action", "action", self.action),
            with_parts=with_parts or self.surface == ANY_SURFACE,
        )


class AnyJobs(JobConditions):
    """Filter of jobs: the caller's, or with an admin's key all."""

    status: Annotated[list[_Status], BeforeValidator(_split)] = Field(
        [], description=f"statuses: {', '.join(JobStatus)}"
    )

    ids: Annotated[list[str], BeforeValidator(_split)] = Field(
        [], max_length=IDS_PER_REQUEST, description="job ids: job_…"
    )
    fingerprint: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="of an error of GET /v1/errors: the newest 1,000 jobs that had it",
    )

    def statuses(self) -> Sequence[str]:
        """Return the only statuses that match; none: any."""
        return tuple(each.value for each in self.status)


def read_conditions(query: Mapping[str, str], names: Iterable[str]) -> AnyJobs:
    """Return the conditions in those of the query parameters that are named; empty ones are left out.

    Raises the 422 problem.
    """
    values = {name: query[name] for name in names if query.get(name)}
    for name, text in values.items():
        if "\0" in text:
            raise invalid_field(name, "must have no NUL character")
    try:
        return AnyJobs.model_validate(values)
    except ValidationError as error:
        first = rejection_of(error).errors[0]
        raise invalid_field(first["field"].partition(".")[0], first["message"]) from error


async def find_filter(services: ApiServices, caller: Caller, given: AnyJobs, prefix: str = "") -> JobFilter:
    """Return the filter of conditions, the same for every surface; ``prefix`` precedes field names in errors.

    With ids, a fingerprint or an action, jobs of every surface match. Raises the 422 problem.
    """
    found = given.to_filter(prefix, with_parts=given.action is not None)
    if given.ids:
        job_ids, unknown = await read_job_ids(services.database, caller, given.ids)
        if unknown:
            message = f"{unknown[0]!r} is no id of a job; write job_…, with commas between"
            raise invalid_field(f"{prefix}ids", message)
        found = replace(found, ids=job_ids, with_parts=True)
    if given.fingerprint is not None:
        groups = {each.fingerprint: each for each in await read_groups(services, caller.scope)}
        if given.fingerprint not in groups:
            raise invalid_field(f"{prefix}fingerprint", "no call of the last seven days failed so")
        job_ids = groups[given.fingerprint].job_ids
        chosen = job_ids if found.ids is None else [each for each in found.ids if each in set(job_ids)]
        found = replace(found, ids=chosen, with_parts=True)
    return found


async def read_job_ids(
    database: Database, caller: Caller, texts: Iterable[str]
) -> tuple[Sequence[UUID], Sequence[str]]:
    """Return the ids of jobs in ``ids``, each once, and the texts that are none.

    Short ids are replaced by those of the caller's jobs that begin so, for an admin's key of all jobs. Raises
    ``InvalidRequest`` for one that several jobs have, and for more than ``SHORT_IDS`` of them.
    """
    given = list(dict.fromkeys(texts))
    short = [text for text in given if short_range("job", text) is not None]
    if len(short) > SHORT_IDS:
        raise InvalidRequest("ids", f"may have at most {SHORT_IDS} short ids; write the others in full")
    whole: dict[str, str] = {}
    if short:
        async with database.reading() as connection:
            for text in short:
                whole[text] = await whole_id(connection, "job", text, caller_id=caller.scope, field="ids")
    found, unknown = dict[UUID, None](), list[str]()
    for text in given:
        try:
            found[parse_id("job", whole.get(text, text))] = None
        except NotFound:
            unknown.append(text[:64])
    return list(found), unknown


def problem_of_validation(error: ValidationError) -> Problem:
    """Return the 422 problem of a request that does not match its schema."""
    rejection = rejection_of(error)
    return Problem(422, rejection.code, rejection.message, errors=rejection.errors)


def _key(name: str, kind: Literal["action", "worker"], text: str | None) -> UUID | None:
    try:
        return None if text is None else parse_id(kind, text)
    except NotFound as error:
        raise invalid_field(name, f"write the whole id: {kind}_…, as GET /v1/{kind}s has it") from error


def _bound(name: str, text: str | None, *, latest: bool) -> UUID | datetime | None:
    """Return the id or time; for a short id the earliest (or the latest) id that begins so."""
    if text is None:
        return None
    if (found := short_range("job", text)) is not None:
        return found[1] if latest else found[0]
    try:
        return parse_id("job", text) if text.startswith("job_") else parse_timestamp(text)
    except (NotFound, ValueError) as error:
        message = "write a job's id, or a time such as 2026-01-31T18:00:00Z (RFC 3339)"
        raise invalid_field(name, message) from error
