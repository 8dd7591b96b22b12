"""Recovery of an unknown outcome: poll the provider for a lost answer instead of paying again."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import structlog

from models.ids import public_id
from models.outcomes import UNKNOWN, Billed, CallResult, ErrorCode, Outcome
from models.queries.leases import LeasedJob
from worker.lifecycle import postpone_storing, report_progress
from worker.metrics.upkeep_metrics import Repair, repaired
from worker.tasks.context import TaskContext
from worker.tasks.failure import handle_lost_call
from worker.tasks.polling import LostCall, PollAddress, poll, poll_addresses
from worker.tasks.store import store_recovered
from worker.upstream.parsing.image import ResultImage
from worker.upstream.polling.poll import PollStage, PollState

LIMIT = timedelta(minutes=10)  #: how long a lost answer is polled for
_MISSES = 3  # responses in a row without the task, after which the address is given up
_LINK_INTERVAL, _TASK_INTERVAL = (3.0, 5.0), (2.0, 2.0)  # seconds, from and to
_LONGEST_INTERVAL = 60.0
_log = structlog.get_logger()


async def recover(context: TaskContext, job: LeasedJob, lost_call: LostCall, *, shown: int) -> None:
    """Poll until the provider shows the image, gives it up, or the time is over; then finish the job.

    ``job`` is in state ``storing``; ``shown`` is the progress that it shows. A worker that stops leaves the
    rest to another.
    """
    state = await _poll_until_known(context, job, lost_call, shown)
    if state is None:
        why = "the worker that polled for the lost answer stops; another one goes on polling"
        now = context.services.clock()
        await context.group_commit.write(
            postpone_storing(job, lost_call.to_json(), after=timedelta(), at=now, why=why, tries=0)
        )
        return
    if state.images or state.videos:
        await store_recovered(context, job, state, lost_call)
        repaired(Repair.LATE_RESULT)
    else:
        await handle_lost_call(context, job, state.result or lost_call.result, lost_call)
    _log.info("a provider was polled for a lost answer", job=public_id("job", job.id), stage=state.stage)


async def _poll_until_known(
    context: TaskContext, job: LeasedJob, lost_call: LostCall, shown: int
) -> PollState | None:
    """Poll the addresses in turn, and one that shows the task to its end; ``None`` if the worker stops first.

    An address that does not know the task three times is given up.
    """
    addresses, misses = poll_addresses(context, job, lost_call.handles), Counter[PollAddress]()
    untried = len(addresses)  # before the next pause
    best = PollState(PollStage.UNKNOWN)
    while addresses and context.services.clock() - lost_call.since < LIMIT:
        if context.in_flight.halt.is_set():
            return None
        address = addresses.pop(0)
        state = await poll(context, job, address)
        if state.stage in (PollStage.DONE, PollStage.FAILED):
            return state
        best = state if state.images or state.videos or state.result else best
        shown = _report_progress(context, job, state, shown)
        misses[address] = misses[address] + 1 if state.stage is PollStage.UNKNOWN else 0
        if state.stage is PollStage.RUNNING:
            addresses.insert(0, address)
        elif misses[address] < _MISSES:
            addresses.append(address)
        untried -= 1
        if addresses and (untried <= 0 or state.stage is not PollStage.UNKNOWN):
            untried = len(addresses)
            await context.services.sleep(_interval(address, state))
    return _final_state(lost_call, best, timed_out=bool(addresses))


def _interval(address: PollAddress, state: PollState) -> float:
    wanted = state.retry_after.total_seconds() if state.retry_after else 0.0
    interval = _TASK_INTERVAL if address.with_key else _LINK_INTERVAL
    return max(random.uniform(*interval), min(wanted, _LONGEST_INTERVAL))


def _report_progress(context: TaskContext, job: LeasedJob, state: PollState, shown: int) -> int:
    """Write progress that is higher than what the job shows; return what it shows then."""
    percent = int(state.progress or 0)
    if not shown < percent < 100:
        return shown
    context.group_commit.post(report_progress(job, percent, at=context.services.clock()))
    return percent


def _final_state(lost_call: LostCall, best: PollState, *, timed_out: bool) -> PollState:
    """Return what polling found when it ended: some of the images, or no more than the call's result."""
    if lost_call.handles.seen and not (best.images or best.videos):
        best = replace(best, images=(ResultImage(url=lost_call.handles.seen),))
    if best.images or best.videos:
        success = CallResult(Outcome.SUCCESS, message="Some of the pictures came back.", billed=Billed.YES)
        return replace(best, stage=PollStage.DONE, result=success)
    if timed_out:
        minutes = int(LIMIT.total_seconds() // 60)
        code: ErrorCode | None = "timeout"
        words = f"The provider was polled for {minutes} minutes, and the result was not ready."
    else:
        code = best.result.code if best.result else "task_not_found"
        words = "The provider was polled for the result, and does not show it."
    result = replace(
        lost_call.result,
        outcome=Outcome.AMBIGUOUS if lost_call.result.outcome in UNKNOWN else lost_call.result.outcome,
        code=lost_call.result.code or code,
        message=f"{lost_call.result.message} {words}",
    )
    return PollState(PollStage.UNKNOWN, result=result)
