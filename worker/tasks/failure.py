"""Handle a failed call: retry, hold or fail the job, and record the failure on its channel."""

import random
from collections.abc import Sequence
from dataclasses import replace

from prometheus_client import Counter

from models.outcomes import CallResult, Outcome
from models.queries.attempts import AttemptRecord, earlier_results
from models.queries.leases import LeasedJob
from models.retry.decision import AttemptCount, decide, until_daily_reset
from worker.database_retry import retry_while_database_away
from worker.lifecycle import JobUpdate, after_decision
from worker.tasks.channel_feedback import record_failure
from worker.tasks.context import TaskContext
from worker.tasks.polling import LostCall

_not_understood = Counter(
    "darkroom_answers_not_understood", "Answers that no rule understood, by channel", ["channel"]
)


async def handle_lost_call(
    context: TaskContext, job: LeasedJob, result: CallResult, lost_call: LostCall
) -> None:
    """Handle a call whose answer was lost and not found by polling."""
    job = replace(job, attempts_used=lost_call.used)
    await handle_failure(context, job, result, AttemptRecord.of(job.id, lost_call.number, result))


async def handle_failure(
    context: TaskContext, job: LeasedJob, result: CallResult, record: AttemptRecord
) -> None:
    """Handle a call without an image, of a job in state ``running`` or ``storing``."""
    if result.code == "not_understood":
        _not_understood.labels(job.channel).inc()
    result = until_daily_reset(result, context.services.clock())
    closes = result.outcome is Outcome.NEEDS_HUMAN
    try:
        if closes:  # before the job is queued again, or it could start on the same channel
            await record_failure(context, job, result)
    finally:
        await context.group_commit.write(await _decide(context, job, result, record))
    if not closes:
        await record_failure(context, job, result)


async def _decide(
    context: TaskContext, job: LeasedJob, result: CallResult, record: AttemptRecord
) -> JobUpdate:
    now = context.services.clock()
    count = await retry_while_database_away(
        "past calls could not be read", lambda: _count(context, job, result, record.number)
    )
    decision = decide(
        result,
        count,
        on_unknown=job.on_unknown,
        jitter=random.random,
        policy=context.services.policies.of(job),
    )
    return after_decision(job, decision, result, at=now, record=record)


async def _count(context: TaskContext, job: LeasedJob, result: CallResult, number: int) -> AttemptCount:
    earlier: Sequence[tuple[str | None, str | None]] = ()
    if number > 1:
        async with context.services.database.reading() as connection:
            # a job may find several channels shut, each of them once
            channel = job.channel if result.outcome is Outcome.NEEDS_HUMAN else None
            earlier = await earlier_results(connection, job.id, job.generation, number, channel=channel)
    return AttemptCount.after(result, earlier, counted=job.attempts_used, allowed=job.max_attempts)
