"""What follows a call that brought no picture."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from models.outcomes import Outcome, Verdict
from models.queries.attempts import endings_before
from models.retry.decision import GiveUp, Hold, Retry, Tries, decide, parked
from models.states import JobStatus, OnUnknown
from worker.database_retry import patiently
from worker.lifecycle import Change, amendment, error_of, failed, held, requeued
from worker.tasks.channel_feedback import tell_channel
from worker.tasks.context import Workbench
from worker.tasks.polling import Lost


@dataclass(frozen=True, slots=True)
class _Call:
    """The call that brought no picture: which one, where the job stands, and what is written down of it."""

    number: int
    used: int  #: attempts used up, this one included
    leaving: JobStatus
    ended: Mapping[str, Any] | None = None
    amended: Mapping[str, Any] | None = None


async def conclude(bench: Workbench, job: Row[Any], verdict: Verdict, ended: Mapping[str, Any]) -> None:
    """Write what follows a call that just ended, for the job and for its channel."""
    call = _Call(job.next_number, job.attempts_used + 1, JobStatus.RUNNING, ended=ended)
    await _conclude(bench, job, verdict, call)


async def conclude_lost(bench: Workbench, job: Row[Any], verdict: Verdict, lost: Lost) -> None:
    """Write what follows a call whose answer was lost and not found again."""
    amended = amendment(job.id, lost.number, verdict)
    await _conclude(bench, job, verdict, _Call(lost.number, lost.used, JobStatus.STORING, amended=amended))


async def _conclude(bench: Workbench, job: Row[Any], verdict: Verdict, call: _Call) -> None:
    verdict = parked(verdict, bench.tools.clock())
    shut = verdict.outcome is Outcome.NEEDS_HUMAN
    try:
        if shut:  # before the job waits again: it would slip through a door that is still open
            await tell_channel(bench, job, verdict)
    finally:
        await bench.writer.write(await _change(bench, job, verdict, call))
    if not shut:
        await tell_channel(bench, job, verdict)


async def _change(bench: Workbench, job: Row[Any], verdict: Verdict, call: _Call) -> Change:
    now, leaving, ended, amended = bench.tools.clock(), call.leaving, call.ended, call.amended
    decision = decide(
        verdict,
        await patiently("past calls could not be read", lambda: _tries(bench, job, verdict, call)),
        on_unknown=OnUnknown(job.on_unknown),
        jitter=random.random,
        policy=bench.tools.policies.of(job),
    )
    match decision:
        case Retry(after, counts):
            error = error_of(verdict, retryable=True)
            used = call.used if counts else call.used - 1
            return requeued(
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
            message = f"{verdict.message} Look at the provider's call log, then release the job or fail it."
            error = error_of(verdict, retryable=True, message=message)
            return held(job, error=error, at=now, leaving=leaving, ended=ended, amended=amended)
        case GiveUp(reason):
            message = f"{verdict.message} No further call is made: {reason}."
            error = error_of(verdict, retryable=False, message=message)
            return failed(job, leaving, error, at=now, ended=ended, amended=amended)


async def _tries(bench: Workbench, job: Row[Any], verdict: Verdict, call: _Call) -> Tries:
    earlier: Sequence[tuple[str | None, str | None]] = ()
    if call.number > 1:
        async with bench.tools.database.reading() as connection:
            earlier = await endings_before(connection, job.id, job.generation, call.number)
    return Tries.after(verdict, earlier, counted=call.used, allowed=job.max_attempts)
