"""What a bulk request or action does with jobs: retry, cancel, delete; which it leaves, and why.

Each job changes by the one writer of job state. The caller holds the transaction and has locked the jobs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.operations.ended_jobs import delete_jobs, lock_ended
from models.queries.selection.bulk_jobs import JobFacts
from models.states import CANCELLABLE, FINAL, RETRYABLE, JobStatus
from worker import lifecycle

S = JobStatus

SKIPPED: Mapping[str, str] = {
    "not_found": "there is no such job",
    "not_ended": "it has not ended; cancel it first",
    "ended": "it has ended",
    "open": "it is under way; only a finished or held job can be retried",
    "already_paid": "it succeeded; may_pay_twice makes it again",
    "may_be_paid": "it is held, for its last call may have been charged; may_pay_twice calls again",
    "leased": "a worker still drops its last call; repeat the request in a few seconds",
    "part_of_task": "it is a part of a Midjourney task, which needs it",
    "prompt_erased": "its prompt was erased; submit a new job",
    "changed": "it changed meanwhile",
    "unwritable": "its row can't be changed; the server's log says why",
}
"""Reasons for which jobs are skipped, in words."""


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """Who changes jobs, when, and how long unused input images of deleted ones stay."""

    at: datetime
    caller_id: UUID
    upload_age: timedelta


Change = Callable[[AsyncConnection, Sequence[Row[Any]], ChangeContext], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class JobChange:
    """What is done with each of many jobs."""

    name: str
    refusal: Callable[[JobFacts, bool], str | None]  #: why not this job; the flag: it may pay twice
    change: Change  #: of locked jobs that are not refused; returns how many were changed

    def allowed(self, may_pay_twice: bool) -> list[JobFacts]:
        """Return the facts of jobs that are not refused."""
        every = (JobFacts(*each) for each in product(JobStatus, *3 * ((False, True),)))
        return [facts for facts in every if self.refusal(facts, may_pay_twice) is None]

    def statuses(self, may_pay_twice: bool) -> list[str]:
        """Return the states in which jobs may be changed."""
        return sorted({facts.status for facts in self.allowed(may_pay_twice)})


def _retry_refusal(facts: JobFacts, may_pay_twice: bool) -> str | None:
    if facts.status not in RETRYABLE:
        return "open"
    if facts.leased:
        return "leased"
    if facts.erased:
        return "prompt_erased"
    if may_pay_twice:
        return None
    return {S.SUCCEEDED: "already_paid", S.HELD: "may_be_paid"}.get(S(facts.status))


async def _retry(connection: AsyncConnection, rows: Sequence[Row[Any]], context: ChangeContext) -> int:
    return len(await lifecycle.retry_all(connection, rows, at=context.at))


def _cancel_refusal(facts: JobFacts, _may_pay_twice: bool) -> str | None:
    return None if facts.status in CANCELLABLE else "ended"


async def _cancel(connection: AsyncConnection, rows: Sequence[Row[Any]], context: ChangeContext) -> int:
    updates = [
        lifecycle.cancel(
            row,
            at=context.at,
            why=f"cancelled by {'the caller' if row.caller_id == context.caller_id else 'an administrator'}",
        )
        for row in rows
    ]
    return len(await lifecycle.commit(connection, updates))


def _delete_refusal(facts: JobFacts, _may_pay_twice: bool) -> str | None:
    if facts.status not in FINAL:
        return "not_ended"
    if facts.leased:
        return "leased"
    return "part_of_task" if facts.part else None


async def _delete(connection: AsyncConnection, rows: Sequence[Row[Any]], context: ChangeContext) -> int:
    """Delete jobs with all that belongs to them, leaving tombstones; workers delete their files."""
    until = context.at + context.upload_age
    ended = await lock_ended(connection, [row.id for row in rows])
    return (await delete_jobs(connection, ended, reason="request", at=context.at, inputs_until=until)).jobs


RETRY = JobChange("retry", _retry_refusal, _retry)
CANCEL = JobChange("cancel", _cancel_refusal, _cancel)
DELETE = JobChange("delete", _delete_refusal, _delete)
CHANGES: Mapping[str, JobChange] = {each.name: each for each in (RETRY, CANCEL, DELETE)}
