"""What follows a call that brought no picture."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.outcomes import CallResult, Outcome
from models.queries.attempts import endings_before
from models.queries.leases import LeasedJob
from models.retry.decision import AttemptCount, GiveUp, Hold, Retry, decide, until_daily_reset
from models.states import JobStatus, OnUnknown
from worker.database_retry import retry_while_database_away
from worker.lifecycle import JobUpdate, amendment, fail, hold, job_error, requeue
from worker.tasks.channel_feedback import record_failure
from worker.tasks.context import TaskContext
from worker.tasks.polling import LostCall


@dataclass(frozen=True, slots=True)
class _Call:
    """The call that brought no picture: which one, where the job stands, and what is written down of it."""

    number: int
    used: int  #: attempts used up, this one included
    leaving: JobStatus
    ended: Mapping[str, Any] | None = None
    amended: Mapping[str, Any] | None = None


async def handle_failure(
    context: TaskContext, job: LeasedJob, result: CallResult, ended: Mapping[str, Any]
) -> None:
    """Write what follows a call that just ended, for the job and for its channel."""
    call = _Call(job.next_number, job.attempts_used + 1, JobStatus.RUNNING, ended=ended)
    await _handle(context, job, result, call)


async def handle_lost_call(
    context: TaskContext, job: LeasedJob, result: CallResult, lost_call: LostCall
) -> None:
    """Write what follows a call whose answer was lost and not found again."""
    amended = amendment(job.id, lost_call.number, result)
    await _handle(
        context, job, result, _Call(lost_call.number, lost_call.used, JobStatus.STORING, amended=amended)
    )


async def _handle(context: TaskContext, job: LeasedJob, result: CallResult, call: _Call) -> None:
    result = until_daily_reset(result, context.services.clock())
    shut = result.outcome is Outcome.NEEDS_HUMAN
    try:
        if shut:  # before the job waits again: it would slip through a door that is still open
            await record_failure(context, job, result)
    finally:
        await context.group_commit.write(await _change(context, job, result, call))
    if not shut:
        await record_failure(context, job, result)


async def _change(context: TaskContext, job: LeasedJob, result: CallResult, call: _Call) -> JobUpdate:
    now, leaving, ended, amended = context.services.clock(), call.leaving, call.ended, call.amended
    decision = decide(
        result,
        await retry_while_database_away(
            "past calls could not be read", lambda: _tries(context, job, result, call)
        ),
        on_unknown=OnUnknown(job.on_unknown),
        jitter=random.random,
        policy=context.services.policies.of(job),
    )
    match decision:
        case Retry(after, counts):
            error = job_error(result, retryable=True)
            used = call.used if counts else call.used - 1
            return requeue(
                job,
                after=after,
                used=used,
                error=error,
                at=now,
                leaving=leaving,
                ended=ended,
                amended=amended,
            )
        case Hold():
            message = f"{result.message} Look at the provider's call log, then release the job or fail it."
            error = job_error(result, retryable=True, message=message)
            return hold(job, error=error, at=now, leaving=leaving, ended=ended, amended=amended)
        case GiveUp(reason):
            message = f"{result.message} No further call is made: {reason}."
            error = job_error(result, retryable=False, message=message)
            return fail(job, leaving, error, at=now, ended=ended, amended=amended)


async def _tries(context: TaskContext, job: LeasedJob, result: CallResult, call: _Call) -> AttemptCount:
    earlier: Sequence[tuple[str | None, str | None]] = ()
    if call.number > 1:
        async with context.services.database.reading() as connection:
            earlier = await endings_before(connection, job.id, job.generation, call.number)
    return AttemptCount.after(result, earlier, counted=call.used, allowed=job.max_attempts)
