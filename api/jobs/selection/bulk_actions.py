"""Retry, cancel or delete many jobs: what a request would change, and the change, in chunks.

Each job changes by the one writer of job state. A job that can't be changed is skipped with the reason; a row
that can't be written never stops the others of its chunk.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.services import ApiServices
from api.web.problems import Problem
from models.ids import public_id
from models.queries.selection.bulk_jobs import (
    count_matching,
    facts_of,
    list_ids,
    list_matching,
    lock_for_decision,
)
from models.queries.selection.job_filter import JobFilter
from models.queries.selection.skipped import SAMPLES, Skipped
from worker.bulk.job_changes import SKIPPED, ChangeContext, JobChange

JOBS_PER_REQUEST = 10_000  #: jobs changed by one request
_CHUNK = 200  # jobs changed in one transaction
_LOOKED_AT = 2_000  # jobs among which samples are found
_log = structlog.get_logger()


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
    changeable: Counter[str] = field(default_factory=Counter)  #: eligible jobs by state

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
    services: ApiServices, caller: Caller, action: JobChange, request: BulkRequest
) -> BulkResult:
    """Change the jobs that a request chooses, up to ``JOBS_PER_REQUEST``; with ``dry_run`` only count them.

    Raises the 409 problem, before anything is changed, if ``expected_count`` is not the number of jobs that
    would change, and the 403 and 422 problems of a wrong ``caller``.
    """
    async with services.database.reading() as connection:
        caller_ids = await callers_in_scope(connection, caller, request.caller)
        result = await preview_bulk(connection, caller_ids, action, request)
    if request.expected_count is not None and request.expected_count != result.eligible:
        expected, eligible = request.expected_count, result.eligible
        detail = f"expected_count is {expected:,}, but {eligible:,} jobs would change; nothing was changed."
        more = {"expected_count": expected, "eligible": eligible}
        raise Problem(409, "count_differs", detail, more=more)
    if not request.dry_run:
        await _change_all(services, caller, caller_ids, action, request, result)
    return result


async def preview_bulk(
    connection: AsyncConnection, caller_ids: Sequence[UUID], action: JobChange, request: BulkRequest
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
            result.changeable[facts.status] += count
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
    action: JobChange,
    request: BulkRequest,
    result: BulkResult,
) -> None:
    """Change the eligible jobs, oldest first, each once."""
    statuses = action.statuses(request.may_pay_twice)
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
    action: JobChange,
    request: BulkRequest,
    job_ids: Sequence[UUID],
    skipped: Skipped,
) -> int:
    """Change jobs in one transaction; if it fails, each in one of its own. Return how many were changed."""
    try:
        async with services.database.writing() as connection:
            rows = await lock_for_decision(connection, job_ids)
            allowed = [row for row in rows if action.refusal(facts_of(row), request.may_pay_twice) is None]
            upload_age = timedelta(seconds=services.settings.upload_age)
            context = ChangeContext(services.clock(), caller.id, upload_age)
            changed = await action.change(connection, allowed, context)
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
