"""What follows a call that brought no picture."""

import random
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from models.queries.attempts import outcomes_of
from models.retry import GiveUp, Hold, Retry, Tries, decide, unknown_outcomes
from models.states import JobStatus, OnUnknown
from models.verdicts import Outcome, Verdict
from worker.lifecycle import Change, error_of, failed, held, requeued
from worker.tasks.health import tell_channel
from worker.tasks.workbench import Workbench


async def conclude(bench: Workbench, job: Row[Any], verdict: Verdict, ended: Mapping[str, Any]) -> None:
    """Write what follows, for the job and for its channel."""
    used = job.attempts_used + 1
    await bench.writer.write(await _change(bench, job, verdict, ended, used))
    await tell_channel(bench, job, verdict)


async def _change(
    bench: Workbench, job: Row[Any], verdict: Verdict, ended: Mapping[str, Any], used: int
) -> Change:
    now = bench.tools.clock()
    decision = decide(
        verdict,
        await _tries(bench, job, verdict, used),
        on_unknown=OnUnknown(job.on_unknown),
        jitter=random.random,
        policy=bench.tools.policy,
    )
    match decision:
        case Retry(after, counts):
            error = error_of(verdict, retryable=True)
            spent = used if counts else used - 1
            return requeued(job, after=after, used=spent, ended=ended, error=error, at=now)
        case Hold():
            message = f"{verdict.message} Look at the provider's call log, then retry the job or cancel it."
            return held(job, ended=ended, error=error_of(verdict, retryable=True, message=message), at=now)
        case GiveUp(reason):
            message = f"{_cause(verdict)} No further call is made: {reason}."
            error = error_of(verdict, retryable=False, message=message)
            return failed(job, JobStatus.RUNNING, error, at=now, ended=ended)


def _cause(verdict: Verdict) -> str:
    """Say what went wrong, in the provider's words if the verdict's own promise another try."""
    words = verdict.provider_message or verdict.code or "unknown failure"
    return f"The provider answered: {words[:300]}" if verdict.outcome is Outcome.RETRY else verdict.message


async def _tries(bench: Workbench, job: Row[Any], verdict: Verdict, used: int) -> Tries:
    if verdict.outcome not in (Outcome.NO_IMAGE, Outcome.AMBIGUOUS, Outcome.PENDING):
        return Tries(used, job.max_attempts)
    async with bench.tools.database.reading() as connection:
        before = await outcomes_of(connection, job.id, job.generation)
    return Tries(
        used,
        job.max_attempts,
        without_image=1 + before.count(Outcome.NO_IMAGE),
        unknown=1 + unknown_outcomes(before),
    )
