"""The paid stage: wait for the start, say so, call, judge, decide."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models.errors import DarkroomError, ImageError, InvalidRequest
from models.outcomes import UNKNOWN, CallResult, JobError, Outcome
from models.queries.leases import LeasedJob
from models.request import wants_text
from models.states import JobStatus
from worker.archive.writer import archive
from worker.lifecycle import (
    begin_recovery,
    ending,
    fail,
    hold,
    note_handles,
    release_job_lease,
    report_progress,
    start,
    undo_start,
)
from worker.scheduler.rate_limiter import slack_of
from worker.tasks.channel_feedback import record_rate_headers, record_success
from worker.tasks.context import TaskContext, run_chunk
from worker.tasks.failure import handle_failure
from worker.tasks.input_images import image_request
from worker.tasks.polling import WORKER_LOST, LostCall
from worker.tasks.recovery import recover
from worker.tasks.store import store_answer
from worker.upstream.errors.text_results import classify_as_text
from worker.upstream.handles import Handles, merge_handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest, build_request

# What is heard while an answer streams: written down at once.

_PAUSE = 0.5  # seconds between two progress writes of one job


class StreamListener:
    """Writes progress to the job, and to its attempt by what a lost answer could be asked for again."""

    def __init__(self, context: TaskContext, job: LeasedJob) -> None:
        self._bench, self._job = context, job
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self.percent = 0  #: as the job shows it
        self.handles = Handles()  #: as far as they are known

    def progress(self, percent: int) -> None:
        """Show how far the picture is, at most twice a second."""
        if self._loop.time() - self._last >= _PAUSE and 0 < percent < 100:
            self._last, self.percent = self._loop.time(), percent
            self._bench.group_commit.post(
                report_progress(self._job, percent, at=self._bench.services.clock())
            )

    def handle(self, handles: Handles) -> None:
        """Note handles before anything can happen to us."""
        self.handles = handles
        if handles.recoverable:
            self._bench.group_commit.post(note_handles(self._job, self._job.next_number, handles.to_json()))


async def generate(context: TaskContext, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Develop a chunk of leased jobs."""
    await run_chunk(context, job_ids, lease, JobStatus.LEASED, run_job)


async def run_job(context: TaskContext, job: LeasedJob) -> None:
    """Develop one job: call its provider and bring the pictures home, or decide what follows."""
    request = await _prepare(context, job)
    if request is None or not await _start(context, job):
        return
    context.input_images.forget(job.id)
    listener = StreamListener(context, job)
    try:
        reply = await context.services.upstream.call(
            request,
            context.services.routes[job.channel].preset,
            on_progress=listener.progress,
            on_handle=listener.handle,
        )
    except asyncio.CancelledError:
        await asyncio.shield(_abandon(context, job, listener))
        raise
    reply = classify_as_text(reply) if wants_text(job.request) else reply
    ended = _ended(context, job, reply.result, reply)
    if reply.result.outcome is Outcome.SUCCESS and reply.answer is not None:
        await _store_or_hold(context, job, request, reply, ended)
        await record_success(context, job)
        return
    await record_rate_headers(context, job, reply.headers)
    ended["raw_key"] = await archive(context.services, job, request, reply)
    if lost_call := _lost(context, job, reply, listener):
        await _recover(context, job, lost_call, ended, reply.answer, told=listener.percent)
    else:
        await handle_failure(context, job, reply.result, ended)


async def _abandon(context: TaskContext, job: LeasedJob, listener: StreamListener) -> None:
    """Write down that the worker drops the call; if it can be asked for again, whoever comes next does."""
    now, ended = context.services.clock(), _ended(context, job, WORKER_LOST, None)
    if listener.handles.recoverable:
        lost_call = LostCall(listener.handles, job.next_number, job.attempts_used + 1, now, WORKER_LOST)
        ended["handles"] = listener.handles.to_json()
        await context.group_commit.write(
            begin_recovery(job, ended, lost_call.to_json(), at=now, why=lost_call.why, release=True)
        )
    else:
        await handle_failure(context, job, WORKER_LOST, ended)


def _lost(context: TaskContext, job: LeasedJob, reply: Reply, listener: StreamListener) -> LostCall | None:
    """Return the call as one to be asked for again, if its picture may exist and it can be asked for."""
    handles = listener.handles
    if reply.answer is not None:  # it was read to its end, and what streamed past turned out to be no picture
        handles = replace(merge_handles(reply.answer.handles, handles), seen=None)
    if reply.result.outcome not in (*UNKNOWN, Outcome.NO_IMAGE) or not handles.recoverable:
        return None
    return LostCall(handles, job.next_number, job.attempts_used + 1, context.services.clock(), reply.result)


async def _recover(
    context: TaskContext,
    job: LeasedJob,
    lost_call: LostCall,
    ended: Mapping[str, Any],
    answer: Answer | None,
    *,
    told: int,
) -> None:
    """Save by what the answer can be had, and ask for it."""
    ended, text = {**ended, "handles": lost_call.handles.to_json()}, message_text(answer) if answer else ""
    now = context.services.clock()
    if await context.group_commit.write(
        begin_recovery(job, ended, lost_call.to_json(), at=now, why=lost_call.why, text=text)
    ):
        await recover(context, job, lost_call, told=told)


async def _store_or_hold(
    context: TaskContext, job: LeasedJob, request: ProviderRequest, reply: Reply, ended: dict[str, Any]
) -> None:
    """Deliver an answer; if that is cut off, the job is held whatever its policy: the picture was made."""
    try:
        await record_rate_headers(context, job, reply.headers)
        ended["raw_key"] = await archive(context.services, job, request, reply)
        await store_answer(context, job, reply.answer or Answer(), ended)
    except BaseException:
        error = JobError(
            code="asset_unstored",
            message="The picture was made and probably charged, but could not be stored before the worker "
            "stopped. Look at the storage; retrying the job pays for a new picture.",
            outcome=Outcome.AMBIGUOUS,
            retryable=True,
        )
        await asyncio.shield(
            context.group_commit.write(hold(job, ended=ended, error=error, at=context.services.clock()))
        )
        raise


async def _prepare(context: TaskContext, job: LeasedJob) -> ProviderRequest | None:
    """Build the request. What can't be asked at all fails here, before anything is paid."""
    route = context.services.routes[job.channel]
    try:
        return build_request(
            await image_request(context.services, job, route.preset, input_images=context.input_images),
            base_url=str(route.settings.base_url),
            api_key=route.settings.api_key.get_secret_value(),
            preset=route.preset,
            idempotency_key=f"{job.id}-{job.next_number}",
        )
    except DarkroomError as problem:
        code = "input_image_unreachable" if isinstance(problem, ImageError) else "bad_request"
        hint = "" if isinstance(problem, InvalidRequest) else " Nothing was sent or charged."
        error = JobError(
            code=code,
            message=f"The request could not be built: {problem}{hint}",
            outcome=Outcome.PERMANENT,
            retryable=isinstance(problem, ImageError) and problem.retryable,
        )
        await context.group_commit.write(fail(job, JobStatus.LEASED, error, at=context.services.clock()))
        return None


async def _start(context: TaskContext, job: LeasedJob) -> bool:
    """Wait for the start that the gate gave, and commit that the call leaves now."""
    wait = (job.start_at - context.services.clock()).total_seconds()
    if wait > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await context.in_flight.halt.wait()
    now = context.services.clock()
    if why := _hindrance(context, job, now):
        await context.group_commit.write(release_job_lease(job, at=now, why=why))
        return False
    if not await context.group_commit.write(start(job, worker=context.worker_id, at=now)):
        why = "the database went away while its start was written; nothing was sent"
        await context.group_commit.write(
            undo_start(job, at=context.services.clock(), why=why)
        )  # undone if it was written
        return False
    written = context.services.clock()  # the commit may have taken long, or we were frozen
    given_up = written - now > timedelta(seconds=context.services.settings.worker_timeout / 2)
    if why := "others may have given it up meanwhile" if given_up else _hindrance(context, job, written):
        await context.group_commit.write(undo_start(job, at=written, why=why))
        return False
    return True


def _hindrance(context: TaskContext, job: LeasedJob, now: datetime) -> str | None:
    """Say why the call must not leave now, if so."""
    if context.in_flight.halt.is_set():
        return "the worker is stopping"
    if cause := context.in_flight.closed.reason(job.channel, job.model, now):
        return "the channel was stopped" if cause.until is None else "the channel is cooling down"
    if job.expires_at is not None and job.expires_at <= now:
        return "its time is over"
    if _missed(context, job, now):
        return "its turn was missed; going now could exceed a rate limit"
    return None


def _missed(context: TaskContext, job: LeasedJob, now: datetime) -> bool:
    """Tell whether a start is so late that it could come too close to others."""
    settings = context.services.routes[job.channel].settings
    limits = [settings.model_dump(include={"rpm", "rps", "rpd", "ipm", "burst"}), {"rpm": job.caller_rpm}]
    if job.model in settings.limits:
        limits.append(settings.limits[job.model].model_dump())
    slacks = [slack for each in limits if (slack := slack_of(each)) is not None]
    yesterday = job.start_at.astimezone(UTC).date() != now.astimezone(UTC).date()
    if yesterday and any(each.get("rpd") for each in limits):
        return True
    return bool(slacks) and now - job.start_at > min(slacks)


def _ended(context: TaskContext, job: LeasedJob, result: CallResult, reply: Reply | None) -> dict[str, Any]:
    row = ending(
        job.id,
        job.next_number,
        result,
        at=context.services.clock(),
        request_id=reply.request_id if reply else None,
    )
    row["http_status"] = reply.http_status if reply else None
    return row
