"""Taking back what nobody works on any more."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.attempts import endings_before, open_attempt
from models.queries.leases import LeasedJob, release_worker
from models.retry.decision import AttemptCount, GiveUp, Hold, Retry, decide
from models.retry.resolve import Policies
from models.states import JobStatus
from worker.lifecycle import (
    JobUpdate,
    begin_recovery,
    commit,
    ending,
    fail,
    hold,
    job_error,
    postpone_storing,
    release_job_lease,
    requeue,
)
from worker.tasks.polling import WORKER_LOST, LostCall
from worker.upstream.handles import Handles

_NO_CALL = 2**15 - 1  # a number above those of all calls


async def reclaim(
    connection: AsyncConnection, jobs: Sequence[LeasedJob], worker_id: UUID, policies: Policies, at: datetime
) -> None:
    """Return leases for free, leave calls to their policy, and pictures to whoever brings them home."""
    changes, finished = [], []
    for job in jobs:
        change = await _change(connection, job, policies, at)
        if change is None:
            finished.append(job.id)
        else:
            changes.append(change)
    await commit(connection, changes)
    if finished:
        await release_worker(connection, finished, worker_id)


async def _change(
    connection: AsyncConnection, job: LeasedJob, policies: Policies, at: datetime
) -> JobUpdate | None:
    match job.status:
        case JobStatus.LEASED:
            return release_job_lease(job, at=at, why="the worker that had it was lost; nothing was sent")
        case JobStatus.STORING:
            why = "the worker that had it was lost; another brings the pictures home"
            return postpone_storing(job, job.answer, after=timedelta(), at=at, why=why, tries=job.store_tries)
        case JobStatus.RUNNING:
            return await _lost_call(connection, job, policies, at)
    return None


async def _lost_call(
    connection: AsyncConnection, job: LeasedJob, policies: Policies, at: datetime
) -> JobUpdate:
    attempt = await open_attempt(connection, job)
    ended = ending(job.id, attempt.number, WORKER_LOST, at=at, request_id=None) if attempt else None
    if attempt and (handles := Handles.from_json(attempt.handles)).recoverable:
        lost_call = LostCall(handles, attempt.number, job.attempts_used, at, WORKER_LOST)
        return begin_recovery(job, ended, lost_call.to_json(), at=at, why=lost_call.why, release=True)
    number = attempt.number if attempt else _NO_CALL
    before = await endings_before(connection, job.id, job.generation, number)
    decision = decide(
        WORKER_LOST,
        AttemptCount.after(WORKER_LOST, before, counted=job.attempts_used, allowed=job.max_attempts),
        on_unknown=job.on_unknown,
        jitter=random.random,
        policy=policies.of(job),
    )
    error = job_error(WORKER_LOST, retryable=True)
    match decision:
        case Retry(after, _):
            return requeue(job, after=after, used=job.attempts_used, ended=ended, error=error, at=at)
        case Hold():
            error = replace(
                error,
                message=f"{error.message} Look at the provider's call log, then release the job or fail it.",
            )
            return hold(job, ended=ended, error=error, at=at)
        case GiveUp(reason):
            error = replace(error, message=f"{error.message} No further call is made: {reason}.")
            return fail(job, JobStatus.RUNNING, error, at=at, ended=ended)
