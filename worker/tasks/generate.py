"""The paid stage: wait for the start, say so, call, judge, decide."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.errors import DarkroomError, InvalidRequest, PictureError
from models.states import JobStatus
from models.verdicts import Billed, Outcome, Verdict
from worker.dispatch.meters import slack_of
from worker.lifecycle import ending, failed, handed_back, held, progressed, started
from worker.tasks.chunk import work_on
from worker.tasks.conclude import conclude
from worker.tasks.deliver import deliver
from worker.tasks.health import tell_success
from worker.tasks.inputs import image_request
from worker.tasks.workbench import Workbench
from worker.upstream.answer import Answer
from worker.upstream.client import Reply
from worker.upstream.request import ProviderRequest, build_request

_PROGRESS_PAUSE = 0.5  # seconds between two progress writes of one job
LOST = Verdict(
    Outcome.AMBIGUOUS,
    "connection_lost",
    "The worker stopped while the provider was working; the picture may exist and may have been charged.",
    Billed.UNKNOWN,
)


async def generate(bench: Workbench, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Develop a chunk of leased jobs."""
    await work_on(bench, job_ids, lease, JobStatus.LEASED, develop)


async def develop(bench: Workbench, job: Row[Any]) -> None:
    """Develop one job: call its provider and bring the pictures home, or decide what follows."""
    request = await _prepare(bench, job)
    if request is None or not await _start(bench, job):
        return
    try:
        reply = await bench.tools.upstream.call(
            request, bench.tools.routes[job.channel].preset, on_progress=_progress(bench, job)
        )
    except asyncio.CancelledError:
        await asyncio.shield(conclude(bench, job, LOST, _ended(bench, job, LOST, None)))
        raise
    if reply.verdict.outcome is Outcome.SUCCESS and reply.answer is not None:
        await _bring_home(bench, job, reply.answer, _ended(bench, job, reply.verdict, reply))
        await tell_success(bench, job)
    else:
        await conclude(bench, job, reply.verdict, _ended(bench, job, reply.verdict, reply))


async def _bring_home(bench: Workbench, job: Row[Any], answer: Answer, ended: Mapping[str, Any]) -> None:
    """Deliver an answer; if that is cut off, the job is held whatever its policy: the picture was made."""
    try:
        await deliver(bench, job, answer, ended)
    except BaseException:
        error = {
            "code": "asset_unstored",
            "message": "The picture was made and probably charged, but could not be stored before the worker "
            "stopped. Look at the storage; retrying the job pays for a new picture.",
            "outcome": Outcome.AMBIGUOUS,
            "retryable": True,
            "provider_status": None,
            "provider_message": None,
        }
        await asyncio.shield(bench.writer.write(held(job, ended=ended, error=error, at=bench.tools.clock())))
        raise


async def _prepare(bench: Workbench, job: Row[Any]) -> ProviderRequest | None:
    """Build the request. What can't be asked at all fails here, before anything is paid."""
    route = bench.tools.routes[job.channel]
    try:
        return build_request(
            await image_request(bench.tools, job, route.preset),
            base_url=str(route.settings.base_url),
            api_key=route.settings.api_key.get_secret_value(),
            preset=route.preset,
            idempotency_key=f"{job.id}-{job.next_number}",
        )
    except DarkroomError as problem:
        code = "input_image_unreachable" if isinstance(problem, PictureError) else "bad_request"
        hint = "" if isinstance(problem, InvalidRequest) else " Nothing was sent or charged."
        error = {
            "code": code,
            "message": f"The request could not be built: {problem}{hint}",
            "outcome": Outcome.PERMANENT,
            "retryable": isinstance(problem, PictureError) and problem.retryable,
            "provider_status": None,
            "provider_message": None,
        }
        await bench.writer.write(failed(job, JobStatus.LEASED, error, at=bench.tools.clock()))
        return None


async def _start(bench: Workbench, job: Row[Any]) -> bool:
    """Wait for the start that the gate gave, and commit that the call leaves now."""
    wait = (job.start_at - bench.tools.clock()).total_seconds()
    if wait > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await bench.hand.halt.wait()
    now = bench.tools.clock()
    cooling = bench.hand.cooling.get(job.channel)
    why = None
    if bench.hand.halt.is_set():
        why = "the worker is stopping"
    elif cooling is not None and cooling > now:
        why = "the channel is cooling down"
    elif _missed(bench, job, now):
        why = "its turn was missed; going now could exceed the channel's rate limit"
    if why:
        await bench.writer.write(handed_back(job, at=now, why=why))
        return False
    return await bench.writer.write(started(job, channel=job.channel, worker=bench.worker_id, at=now))


def _missed(bench: Workbench, job: Row[Any], now: datetime) -> bool:
    """Tell whether a start is so late that it could come too close to others."""
    limits = bench.tools.routes[job.channel].settings
    slacks = [slack_of(each.model_dump()) for each in (limits, limits.limits.get(job.model)) if each]
    return any(slack is not None and now - job.start_at > slack for slack in slacks)


def _progress(bench: Workbench, job: Row[Any]) -> Callable[[int], None]:
    """Write progress to the job, at most twice a second."""
    loop = asyncio.get_running_loop()
    last = 0.0

    def show(percent: int) -> None:
        nonlocal last
        if loop.time() - last >= _PROGRESS_PAUSE and 0 < percent < 100:
            last = loop.time()
            bench.writer.post(progressed(job, percent, at=bench.tools.clock()))

    return show


def _ended(bench: Workbench, job: Row[Any], verdict: Verdict, reply: Reply | None) -> dict[str, Any]:
    row = ending(
        job.id,
        job.next_number,
        verdict,
        at=bench.tools.clock(),
        request_id=reply.request_id if reply else None,
    )
    row["http_status"] = reply.http_status if reply else None
    return row
