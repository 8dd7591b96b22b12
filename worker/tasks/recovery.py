"""Recovery: a call whose answer was lost is asked for again instead of being paid for again."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from models.outcomes import UNKNOWN, Billed, ErrorCode, Outcome, Verdict
from models.states import JobStatus
from worker.lifecycle import postponed, progressed
from worker.tasks.context import Workbench
from worker.tasks.failure import conclude_lost
from worker.tasks.polling import Lost, Place, ask, places
from worker.tasks.store import deliver_found
from worker.upstream.parsing.image import Picture
from worker.upstream.polling.poll import PollStage, PollState

LIMIT = timedelta(minutes=10)  #: how long a result is asked for
_MISSES = 3  #: answers in a row without the task, after which it is not there
_PAUSES = {Place.LINK: (3.0, 5.0), Place.TASK: (2.0, 2.0)}  # seconds between two questions
_LONGEST_PAUSE = 60.0
_log = structlog.get_logger()


async def recover(bench: Workbench, job: Row[Any], lost: Lost, *, told: int) -> None:
    """Ask until the provider shows the picture, gives it up, or the time is over; then go on from there.

    ``told`` is the percentage that the job shows. A worker that stops leaves the rest to another.
    """
    state = await _search(bench, job, lost, told)
    if state is None:
        why = "the worker that asked for the lost answer stops; another goes on"
        now = bench.tools.clock()
        await bench.writer.write(postponed(job, lost.to_json(), after=timedelta(), at=now, why=why, tries=0))
    elif state.images or state.videos:
        await deliver_found(bench, job, state, lost)
    else:
        await conclude_lost(bench, job, state.verdict or lost.verdict, lost)
    if state is not None:
        _log.info("a lost answer was asked for again", job=str(job.id), stage=state.stage)


async def _search(bench: Workbench, job: Row[Any], lost: Lost, told: int) -> PollState | None:
    """Ask again and again; ``None`` if the worker stops before there is an end."""
    where, misses, seen = places(bench, job, lost.handles), 0, PollState(PollStage.UNKNOWN)
    while where and bench.tools.clock() - lost.since < LIMIT:
        if bench.hand.halt.is_set():
            return None
        state = await ask(bench, job, lost.handles, where[0])
        if state.stage in (PollStage.DONE, PollStage.FAILED):
            return state
        seen = state if state.images or state.videos or state.verdict else seen
        told = _show(bench, job, state, told)
        misses = misses + 1 if state.stage is PollStage.UNKNOWN else 0
        if misses == _MISSES:
            where, misses = where[1:], 0
        else:
            await bench.tools.sleep(_pause(where[0], state))
    return _in_the_end(lost, seen, overtime=bool(where))


def _pause(place: Place, state: PollState) -> float:
    asked = state.wait.total_seconds() if state.wait else 0.0
    return max(random.uniform(*_PAUSES[place]), min(asked, _LONGEST_PAUSE))


def _show(bench: Workbench, job: Row[Any], state: PollState, told: int) -> int:
    """Write progress to the job, never going back; return what it shows."""
    percent = int(state.progress or 0)
    if not told < percent < 100:
        return told
    here = JobStatus.STORING
    bench.writer.post(progressed(job, percent, at=bench.tools.clock(), here=here))
    return percent


def _in_the_end(lost: Lost, seen: PollState, *, overtime: bool) -> PollState:
    """Return what was found by then: some of the pictures, or nothing but the first verdict."""
    if lost.handles.seen and not (seen.images or seen.videos):
        seen = replace(seen, images=(Picture(url=lost.handles.seen),))
    if seen.images or seen.videos:
        success = Verdict(Outcome.SUCCESS, message="Some of the pictures came back.", billed=Billed.YES)
        return replace(seen, stage=PollStage.DONE, verdict=success)
    if overtime:
        minutes = int(LIMIT.total_seconds() // 60)
        code: ErrorCode | None = "timeout"
        words = f"It was asked for again for {minutes} minutes, and was not ready."
    else:
        code = seen.verdict.code if seen.verdict else "task_not_found"
        words = "It was asked for again, and the provider does not show it."
    verdict = replace(
        lost.verdict,
        outcome=Outcome.AMBIGUOUS if lost.verdict.outcome in UNKNOWN else lost.verdict.outcome,
        code=lost.verdict.code or code,
        message=f"{lost.verdict.message} {words}",
    )
    return PollState(PollStage.UNKNOWN, verdict=verdict)
