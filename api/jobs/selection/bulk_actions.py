"""Retry, cancel or delete many jobs: what a request would change, and the change, in chunks.

Each job changes by the one writer of job state. A job that can't be changed is skipped with the reason; a row
that can't be written never stops the others of its chunk.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.services import ApiServices
from api.web.problems import Problem
from models.ids import public_id
from models.queries.operations.ended_jobs import delete_jobs, lock_ended
from models.queries.selection.bulk_jobs import (
    JobFacts,
    count_matching,
    facts_of,
    list_ids,
    list_matching,
    lock_for_decision,
)
from models.queries.selection.job_filter import JobFilter
from models.queries.selection.skipped import SAMPLES, Skipped
from models.states import CANCELLABLE, FINAL, RETRYABLE, JobStatus
from worker import lifecycle

JOBS_PER_REQUEST = 10_000  #: jobs changed by one request
_CHUNK = 200  # jobs changed in one transaction
_LOOKED_AT = 2_000  # jobs among which samples are found
_log = structlog.get_logger()
S = JobStatus

Change = Callable[[ApiServices, Caller, AsyncConnection, Sequence[Row[Any]], datetime], Awaitable[int]]

SKIPPED: Mapping[str, str] = {
    "not_found": "there is no such job",
    "not_ended": "it has not ended; cancel it first",
    "ended": "it has ended",
    "open": "it is under way; only a finished or held job can be retried",
    "already_paid": "it succeeded; may_pay_twice makes it again",
    "may_be_paid": "it is held, for its last call may have been charged; may_pay_twice calls again",
    "leased": "a worker still drops its last call; repeat the request in a few seconds",
    "part_of_task": "it is a part of a Midjourney task, which needs it",
    "changed": "it changed meanwhile",
    "unwritable": "its row can't be changed; the server's log says why",
}
"""Reasons for which jobs are skipped, in words."""


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What a bulk request does with a job."""

    name: str
    refusal: Callable[[JobFacts, bool], str | None]  #: why not this job; the flag: it may pay twice
    change: Change  #: of locked jobs that are not refused; returns how many were changed


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """Jobs chosen by ids or a filter, and how they are to be changed."""

    wanted: JobFilter
    unknown: Sequence[str] = ()  #: ids that are malformed
    caller: str | None = None  #: name or id of the only caller that an admin means
    dry_run: bool = False
    expected_count: int | None = None
    may_pay_twice: bool = False


@dataclass(slots=True)
class BulkResult:
    """Result of a bulk request, or of its dry run."""

    action: str
    dry_run: bool
    matched: int = 0
    eligible: int = 0
    changed: int = 0
    skipped: Skipped = field(default_factory=lambda: Skipped(SKIPPED))
    samples: list[str] = field(default_factory=list)  #: ids of eligible jobs
    more: bool = False  #: further eligible jobs are left

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "action": self.action,
            "dry_run": self.dry_run,
            "matched": self.matched,
            "eligible": self.eligible,
            "changed": self.changed,
            "skipped": self.skipped.to_json(),
            "samples": self.samples,
            "more": self.more,
        }


async def apply_bulk(
    services: ApiServices, caller: Caller, action: BulkAction, request: BulkRequest
) -> BulkResult:
    """Change the jobs that a request chooses, up to ``JOBS_PER_REQUEST``; with ``dry_run`` only count them.

    Raises the 409 problem, before anything is changed, if ``expected_count`` is not the number of jobs that
    would change, and the 403 and 422 problems of a wrong ``caller``.
    """
    async with services.database.reading() as connection:
        caller_ids = await callers_in_scope(connection, caller, request.caller)
        result = await _preview(connection, caller_ids, action, request)
    if request.expected_count is not None and request.expected_count != result.eligible:
        expected, eligible = request.expected_count, result.eligible
        detail = f"expected_count is {expected:,}, but {eligible:,} jobs would change; nothing was changed."
        more = {"expected_count": expected, "eligible": eligible}
        raise Problem(409, "count_differs", detail, more=more)
    if not request.dry_run:
        await _change_all(services, caller, caller_ids, action, request, result)
    return result


async def _preview(
    connection: AsyncConnection, caller_ids: Sequence[UUID], action: BulkAction, request: BulkRequest
) -> BulkResult:
    """Return what a request would change and skip."""
    result = BulkResult(action.name, request.dry_run)
    result.skipped.add("not_found", request.unknown)
    counts = await count_matching(connection, caller_ids, request.wanted)
    for facts, count in counts.items():
        reason = action.refusal(facts, request.may_pay_twice)
        result.matched += count
        if reason is None:
            result.eligible += count
        else:
            result.skipped.counts[reason] += count
    ids = request.wanted.ids
    found = await list_matching(connection, caller_ids, request.wanted, limit=_LOOKED_AT)
    if ids is not None:
        known = {job_id for job_id, _ in found}
        result.skipped.add("not_found", (public_id("job", each) for each in ids if each not in known))
    for job_id, facts in found:
        reason = action.refusal(facts, request.may_pay_twice)
        if reason is not None:
            result.skipped.sample(reason, public_id("job", job_id))
        elif len(result.samples) < SAMPLES:
            result.samples.append(public_id("job", job_id))
    return result


async def _change_all(
    services: ApiServices,
    caller: Caller,
    caller_ids: Sequence[UUID],
    action: BulkAction,
    request: BulkRequest,
    result: BulkResult,
) -> None:
    """Change the eligible jobs, oldest first, each once."""
    statuses = [
        each.value
        for each in JobStatus
        if action.refusal(JobFacts(each, leased=False, part=False), request.may_pay_twice) is None
    ]
    above: UUID | None = None
    while result.changed < JOBS_PER_REQUEST:
        limit = min(_CHUNK, JOBS_PER_REQUEST - result.changed)
        async with services.database.reading() as connection:
            chunk = await list_ids(connection, caller_ids, request.wanted, statuses, above=above, limit=limit)
        if chunk:
            result.changed += await _change_chunk(services, caller, action, request, chunk, result.skipped)
            services.notifier.notify()
        if len(chunk) < limit:
            return
        above = chunk[-1]
    result.more = result.changed < result.eligible


async def _change_chunk(
    services: ApiServices,
    caller: Caller,
    action: BulkAction,
    request: BulkRequest,
    job_ids: Sequence[UUID],
    skipped: Skipped,
) -> int:
    """Change jobs in one transaction; if it fails, each in one of its own. Return how many were changed."""
    try:
        async with services.database.writing() as connection:
            rows = await lock_for_decision(connection, job_ids)
            allowed = [row for row in rows if action.refusal(facts_of(row), request.may_pay_twice) is None]
            changed = await action.change(services, caller, connection, allowed, services.clock())
            if changed:
                describe_change(
                    filter=request.wanted.described(), count=changed, after={"action": action.name}
                )
            return changed
    except (SQLAlchemyError, ValueError, TypeError) as error:  # of a row that can't be read or written
        if len(job_ids) == 1:
            job_id = public_id("job", job_ids[0])
            _log.warning("a job could not be changed", job=job_id, action=action.name, error=str(error)[:300])
            skipped.add("unwritable", [job_id])
            return 0
    return sum([await _change_chunk(services, caller, action, request, [each], skipped) for each in job_ids])


# Retry


def _retry_refusal(facts: JobFacts, may_pay_twice: bool) -> str | None:
    if facts.status not in RETRYABLE:
        return "open"
    if facts.leased:
        return "leased"
    if may_pay_twice:
        return None
    return {S.SUCCEEDED: "already_paid", S.HELD: "may_be_paid"}.get(S(facts.status))


async def _retry(
    _services: ApiServices,
    _caller: Caller,
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    at: datetime,
) -> int:
    return len(await lifecycle.retry_all(connection, rows, at=at))


# Cancel


def _cancel_refusal(facts: JobFacts, _may_pay_twice: bool) -> str | None:
    return None if facts.status in CANCELLABLE else "ended"


async def _cancel(
    _services: ApiServices,
    caller: Caller,
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    at: datetime,
) -> int:
    updates = [
        lifecycle.cancel(
            row,
            at=at,
            why=f"cancelled by {'the caller' if row.caller_id == caller.id else 'an administrator'}",
        )
        for row in rows
    ]
    return len(await lifecycle.commit(connection, updates))


# Delete


def _delete_refusal(facts: JobFacts, _may_pay_twice: bool) -> str | None:
    if facts.status not in FINAL:
        return "not_ended"
    if facts.leased:
        return "leased"
    return "part_of_task" if facts.part else None


async def _delete(
    services: ApiServices,
    _caller: Caller,
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    at: datetime,
) -> int:
    """Delete jobs with all that belongs to them, leaving tombstones; workers delete their files."""
    until = at + timedelta(seconds=services.settings.upload_age)
    ended = await lock_ended(connection, [row.id for row in rows])
    return (await delete_jobs(connection, ended, reason="request", at=at, inputs_until=until)).jobs


RETRY = BulkAction("retry", _retry_refusal, _retry)
CANCEL = BulkAction("cancel", _cancel_refusal, _cancel)
DELETE = BulkAction("delete", _delete_refusal, _delete)
