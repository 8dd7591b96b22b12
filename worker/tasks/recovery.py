"""Recovery: a call whose answer was lost is asked for again instead of being paid for again."""

import random
from dataclasses import replace
from datetime import timedelta

import structlog

from models.outcomes import UNKNOWN, Billed, CallResult, ErrorCode, Outcome
from models.queries.leases import LeasedJob
from models.states import JobStatus
from worker.lifecycle import postpone_storing, report_progress
from worker.tasks.context import TaskContext
from worker.tasks.failure import handle_lost_call
from worker.tasks.polling import LostCall, PollAddress, poll, poll_addresses
from worker.tasks.store import store_recovered
from worker.upstream.parsing.image import ResultImage
from worker.upstream.polling.poll import PollStage, PollState

LIMIT = timedelta(minutes=10)  #: how long a result is asked for
_MISSES = 3  #: answers in a row without the task, after which it is not there
_PAUSES = {PollAddress.LINK: (3.0, 5.0), PollAddress.TASK: (2.0, 2.0)}  # seconds between two questions
_LONGEST_PAUSE = 60.0
_log = structlog.get_logger()


async def recover(context: TaskContext, job: LeasedJob, lost_call: LostCall, *, told: int) -> None:
    """Ask until the provider shows the picture, gives it up, or the time is over; then go on from there.

    ``told`` is the percentage that the job shows. A worker that stops leaves the rest to another.
    """
    state = await _search(context, job, lost_call, told)
    if state is None:
        why = "the worker that asked for the lost answer stops; another goes on"
        now = context.services.clock()
        await context.group_commit.write(
            postpone_storing(job, lost_call.to_json(), after=timedelta(), at=now, why=why, tries=0)
        )
    elif state.images or state.videos:
        await store_recovered(context, job, state, lost_call)
    else:
        await handle_lost_call(context, job, state.result or lost_call.result, lost_call)
    if state is not None:
        _log.info("a lost answer was asked for again", job=str(job.id), stage=state.stage)


async def _search(context: TaskContext, job: LeasedJob, lost_call: LostCall, told: int) -> PollState | None:
    """Ask again and again; ``None`` if the worker stops before there is an end."""
    where, misses, seen = poll_addresses(context, job, lost_call.handles), 0, PollState(PollStage.UNKNOWN)
    while where and context.services.clock() - lost_call.since < LIMIT:
        if context.in_flight.halt.is_set():
            return None
        state = await poll(context, job, lost_call.handles, where[0])
        if state.stage in (PollStage.DONE, PollStage.FAILED):
            return state
        seen = state if state.images or state.videos or state.result else seen
        told = _show(context, job, state, told)
        misses = misses + 1 if state.stage is PollStage.UNKNOWN else 0
        if misses == _MISSES:
            where, misses = where[1:], 0
        else:
            await context.services.sleep(_pause(where[0], state))
    return _in_the_end(lost_call, seen, overtime=bool(where))


def _pause(place: PollAddress, state: PollState) -> float:
    context = state.wait.total_seconds() if state.wait else 0.0
    return max(random.uniform(*_PAUSES[place]), min(context, _LONGEST_PAUSE))


def _show(context: TaskContext, job: LeasedJob, state: PollState, told: int) -> int:
    """Write progress to the job, never going back; return what it shows."""
    percent = int(state.progress or 0)
    if not told < percent < 100:
        return told
    here = JobStatus.STORING
    context.group_commit.post(report_progress(job, percent, at=context.services.clock(), here=here))
    return percent


def _in_the_end(lost_call: LostCall, seen: PollState, *, overtime: bool) -> PollState:
    """Return what was found by then: some of the pictures, or nothing but the first verdict."""
    if lost_call.handles.seen and not (seen.images or seen.videos):
        seen = replace(seen, images=(ResultImage(url=lost_call.handles.seen),))
    if seen.images or seen.videos:
        success = CallResult(Outcome.SUCCESS, message="Some of the pictures came back.", billed=Billed.YES)
        return replace(seen, stage=PollStage.DONE, result=success)
    if overtime:
        minutes = int(LIMIT.total_seconds() // 60)
        code: ErrorCode | None = "timeout"
        words = f"It was asked for again for {minutes} minutes, and was not ready."
    else:
        code = seen.result.code if seen.result else "task_not_found"
        words = "It was asked for again, and the provider does not show it."
    result = replace(
        lost_call.result,
        outcome=Outcome.AMBIGUOUS if lost_call.result.outcome in UNKNOWN else lost_call.result.outcome,
        code=lost_call.result.code or code,
        message=f"{lost_call.result.message} {words}",
    )
    return PollState(PollStage.UNKNOWN, result=result)
