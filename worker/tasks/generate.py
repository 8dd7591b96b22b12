"""The paid call of one job: prepare, wait for the start, send, save, archive, finish."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models.errors import DarkroomError, ImageError, InvalidRequest, StorageError
from models.openai.partial_pictures import partial_key, wanted_partials
from models.outcomes import UNKNOWN, JobError, Outcome
from models.queries.attempts import AttemptRecord, earlier_results
from models.queries.leases import LeasedJob
from models.request import may_be_text, wants_text
from models.states import JobStatus
from worker.lifecycle import (
    begin_recovery,
    fail,
    hold,
    note_handles,
    release_lease,
    report_progress,
    running,
    start,
    storing,
    undo_start,
)
from worker.memory_budget import Reservation
from worker.metrics.call_metrics import call_ended, call_left, call_recorded
from worker.money.quote import Quote, quote, unknown_price_error
from worker.scheduler.rate_limiter import slack_of
from worker.tasks.channel_feedback import record_rate_headers, record_success
from worker.tasks.context import TaskContext, run_chunk
from worker.tasks.failure import handle_failure
from worker.tasks.input_images import image_request
from worker.tasks.polling import WORKER_LOST, LostCall
from worker.tasks.recovery import recover
from worker.tasks.store import save_answer, store_images, unstored_error
from worker.upstream.answer_facts import answer_facts
from worker.upstream.errors.text_results import classify_as_text
from worker.upstream.handles import Handles, merge_handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest, build_request

_BODY_COPIES = 2  # of a request's body while it is sent: itself, and what the connection has buffered
_STORING: set[asyncio.Task[None]] = set()  # partial pictures, so that none is collected while it is stored
_PAUSE = 0.5  # seconds between two progress writes of one job
_RECHECK = 0.5  # seconds between two checks whether the channel of a job that waits for its start was closed


class StreamListener:
    """Writes progress and handles of a call while its answer streams."""

    def __init__(self, context: TaskContext, job: LeasedJob) -> None:
        self._context, self._job = context, job
        self._loop = asyncio.get_running_loop()
        self._written = 0.0
        self.percent = 0  #: as the job shows it
        self.handles = Handles()  #: as far as they are known
        self._partials = 0

    def progress(self, percent: int) -> None:
        """Write the progress, at most twice a second."""
        if self._loop.time() - self._written >= _PAUSE and 0 < percent < 100:
            self._written, self.percent = self._loop.time(), percent
            at = self._context.services.clock()
            self._context.group_commit.post(report_progress(self._job, percent, at=at))

    def handle(self, handles: Handles) -> None:
        """Save handles at once: the worker may be lost before the answer ends."""
        self.handles = handles
        if handles.recoverable:
            self._context.group_commit.post(note_handles(self._job, handles.to_json()))

    def partial(self, picture: bytes) -> None:
        """Store a partial picture that the job's client waits for, and say so by the job's revision."""
        if self._partials < wanted_partials(self._job.request.get("params")):
            storing = asyncio.create_task(self._store_partial(picture, self._partials))
            self._partials += 1
            _STORING.add(storing)  # the answer does not wait for it
            storing.add_done_callback(_STORING.discard)

    async def _store_partial(self, picture: bytes, index: int) -> None:
        store = self._context.services.store
        with contextlib.suppress(StorageError):
            await store.put(
                partial_key(self._job.id, index), picture, content_type="application/octet-stream"
            )
            at = self._context.services.clock()
            self._context.group_commit.post(report_progress(self._job, max(self.percent, 1), at=at))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that was sent: its job in state ``running``, its request, and what came back."""

    job: LeasedJob
    request: ProviderRequest
    reply: Reply
    record: AttemptRecord
    handles: Handles  #: with which the provider can be polled for the answer
    percent: int  #: the progress that the job shows

    @property
    def answer(self) -> Answer | None:
        """The answer of a call that succeeded."""
        return self.reply.answer if self.reply.result.outcome is Outcome.SUCCESS else None

    def lost_call(self, at: datetime) -> LostCall | None:
        """Return the call as a lost one, if its image may exist and the provider can be polled for it."""
        result = self.reply.result
        if result.outcome not in (*UNKNOWN, Outcome.NO_IMAGE) or not self.handles.recoverable:
            return None
        return LostCall(self.handles, self.record.number, self.job.attempts_used, at, result)


async def generate_chunk(context: TaskContext, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Call the provider for a chunk of leased jobs."""
    await run_chunk(context, job_ids, lease, JobStatus.LEASED, generate)


async def generate(context: TaskContext, job: LeasedJob) -> None:
    """Call the provider once for a leased job; store its images, or handle the failure."""
    async with context.services.memory.reservation() as memory:
        await _generate(context, job, memory)


async def _generate(context: TaskContext, job: LeasedJob, memory: Reservation) -> None:
    request = await _prepare(context, job, memory)
    if request is None:
        return
    price = await quote(context.services, job)
    if not await _start(context, job, price):
        return
    context.input_images.forget(job.id)
    attempt = await _send(context, running(job), request, memory, price)
    if attempt.answer is not None:
        await _store(context, attempt, attempt.answer)
        return
    memory.release()  # what follows may take minutes
    if lost_call := attempt.lost_call(context.services.clock()):
        await _recover(context, attempt, lost_call)
    else:
        await record_rate_headers(context, attempt.job, attempt.reply.headers)
        await handle_failure(context, attempt.job, attempt.reply.result, attempt.record)
        context.archiver.post(attempt.job, attempt.request, attempt.reply)


async def _prepare(context: TaskContext, job: LeasedJob, memory: Reservation) -> ProviderRequest | None:
    """Build the request. A job whose request can't be built fails here, before anything is paid."""
    route = context.services.routes[job.channel]
    try:
        request = await image_request(
            context.services, job, route.preset, memory=memory, input_images=context.input_images
        )
        if await _broke_off(context, job):
            request = replace(request, params={**route.preset.address_params, **request.params})
        built = build_request(
            request,
            base_url=str(route.settings.base_url),
            api_key=route.settings.api_key.get_secret_value(),
            preset=route.preset,
            idempotency_key=f"{job.id}-{job.next_number}",
        )
        memory.shrink(_BODY_COPIES * len(built.body) + sum(map(len, built.input_urls)))
        return built
    except DarkroomError as problem:
        code = "input_image_unreachable" if isinstance(problem, ImageError) else "bad_request"
        hint = "" if isinstance(problem, InvalidRequest) else " Nothing was sent or charged."
        error = JobError(
            code=code,
            message=f"The request could not be built: {problem}{hint}",
            outcome=Outcome.PERMANENT,
            retryable=isinstance(problem, ImageError) and problem.retryable,
        )
        await context.group_commit.write(fail(job, error, at=context.services.clock()))
        return None


async def _broke_off(context: TaskContext, job: LeasedJob) -> bool:
    """Return whether an earlier answer broke off, such as one too large for a relay's buffer."""
    if job.next_number == 1:
        return False
    async with context.services.database.reading() as connection:
        earlier = await earlier_results(connection, job.id, job.generation, job.next_number)
    return any(code == "stream_truncated" for _, code in earlier)


async def _start(context: TaskContext, job: LeasedJob, price: Quote) -> bool:
    """Wait for the leased start, and commit it. Return ``False`` if the call must not leave."""
    arrived = asyncio.get_running_loop().time()
    await _wait_for_start(context, job)
    waited = asyncio.get_running_loop().time() - arrived
    now = context.services.clock()
    if price.reserved is None and price.price.unknown == "reject":
        await context.group_commit.write(fail(job, unknown_price_error(job), at=now))
        return False
    if why := _start_refusal(context, job, now):
        await context.group_commit.write(release_lease(job.id, job.lease_token, at=now, why=why))
        return False
    update = start(
        job,
        worker=context.worker_id,
        at=now,
        reserved=price.reserved,
        price_version=price.price.version,
        routing=context.in_flight.routing.get(job.id),
    )
    if not await context.group_commit.write(update):
        why = "the database went away while its start was written; nothing was sent"
        await context.group_commit.write(undo_start(job, at=context.services.clock(), why=why))  # if it was
        return False
    written = context.services.clock()  # the commit may have taken long, or the process was frozen
    reaped = written - now > timedelta(seconds=context.services.settings.worker_timeout / 2)
    if why := "it may have been reclaimed meanwhile" if reaped else _start_refusal(context, job, written):
        await context.group_commit.write(undo_start(job, at=written, why=why))
        return False
    call_left(job, waited)
    return True


async def _wait_for_start(context: TaskContext, job: LeasedJob) -> None:
    """Wait until the call may leave, the worker stops, or the channel is closed."""
    loop, clock, in_flight = asyncio.get_running_loop(), context.services.clock, context.in_flight
    ends = loop.time() + (job.start_at - clock()).total_seconds()
    while (wait := ends - loop.time()) > 0 and not in_flight.closed.reason(job.channel, job.model, clock()):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(wait, _RECHECK)):
                await in_flight.halt.wait()
                return


def _start_refusal(context: TaskContext, job: LeasedJob, now: datetime) -> str | None:
    """Return why the call must not leave now, or ``None``."""
    if context.in_flight.halt.is_set():
        return "the worker is stopping"
    if cause := context.in_flight.closed.reason(job.channel, job.model, now):
        return "the channel was stopped" if cause.until is None else "the channel is cooling down"
    if job.expires_at is not None and job.expires_at <= now:
        return "its deadline has passed"
    if _start_missed(context, job, now):
        return "its start time was missed; a call now could exceed a rate limit"
    return None


def _start_missed(context: TaskContext, job: LeasedJob, now: datetime) -> bool:
    """Return whether a start is so late that it could exceed a rate limit of the channel or the caller."""
    limits = [
        {**job.channel_limits.get("", {}), "rpm": job.channel_rpm},
        job.channel_limits.get(job.model, {}),
        {"rpm": job.caller_rpm},
    ]
    if context.in_flight.closed.paced.intersection({(job.channel, ""), (job.channel, job.model)}):
        limits.append({"rpm": 1.0})  # whatever the learned rate is, its calls are spread by the minute
    new_day = job.start_at.astimezone(UTC).date() != now.astimezone(UTC).date()
    if new_day and any(each.get("rpd") for each in limits):
        return True
    slacks = [slack for each in limits if (slack := slack_of(each)) is not None]
    return bool(slacks) and now - job.start_at > min(slacks)


async def _send(
    context: TaskContext, job: LeasedJob, request: ProviderRequest, memory: Reservation, price: Quote
) -> Attempt:
    """Send the call of a running job and read its answer."""
    listener, preset = StreamListener(context, job), context.services.routes[job.channel].preset
    try:
        reply = await context.services.upstream.call(
            request,
            preset,
            on_progress=listener.progress,
            on_handle=listener.handle,
            on_partial=listener.partial,
            reserve=memory.grow,
        )
    except asyncio.CancelledError:
        await asyncio.shield(_abandon(context, job, listener.handles))
        raise
    reply = _classified(reply, job.request)
    handles = listener.handles
    if reply.answer is not None:  # it was read to its end: what streamed past turned out to be no image
        handles = replace(merge_handles(reply.answer.handles, handles), seen=None)
    record = AttemptRecord.of(
        job.id,
        job.next_number,
        reply.result,
        finished_at=context.services.clock(),
        http_status=reply.http_status,
        request_id=reply.request_id,
        answer_facts=answer_facts(reply.answer),
    )
    record = price.settle(record, reply.result, reply.answer)
    call_ended(job, reply, record, reserved=price.reserved.micro if price.reserved else None)
    return Attempt(job, request, reply, record, handles, listener.percent)


def _classified(reply: Reply, request: Mapping[str, Any]) -> Reply:
    """Return the reply with the result that it is for its job: a text is one for some."""
    has_media = reply.answer is not None and bool(reply.answer.images or reply.answer.videos)
    if wants_text(request) or (may_be_text(request) and not has_media):
        return classify_as_text(reply, tools="tools" in (request.get("params") or {}))
    return reply


async def _abandon(context: TaskContext, job: LeasedJob, handles: Handles) -> None:
    """Write that the worker drops the call; one that can be polled for is left to the next worker."""
    now = context.services.clock()
    record = AttemptRecord.of(job.id, job.next_number, WORKER_LOST, finished_at=now)
    call_recorded(job, record)
    if handles.recoverable:
        lost_call = LostCall(handles, record.number, job.attempts_used, now, WORKER_LOST)
        record, why = replace(record, handles=handles.to_json()), lost_call.why
        update = begin_recovery(job, record, lost_call.to_json(), at=now, why=why, release=True)
        await context.group_commit.write(update)
    else:
        await handle_failure(context, job, WORKER_LOST, record)


async def _store(context: TaskContext, attempt: Attempt, answer: Answer) -> None:
    """Save the answer, before anything waits for the object store; then store its images."""
    saving = asyncio.create_task(save_answer(context, attempt.job, answer, attempt.record), name="save")
    try:
        pending = await asyncio.shield(saving)
    except asyncio.CancelledError:
        await saving  # it was paid for: a worker that stops saves it first
        raise
    except Exception:
        at = context.services.clock()
        await context.group_commit.write(hold(attempt.job, unstored_error(), at=at, record=attempt.record))
        raise
    context.archiver.post(attempt.job, attempt.request, attempt.reply)
    await record_rate_headers(context, attempt.job, attempt.reply.headers)
    await record_success(context, attempt.job)
    if pending is not None:
        await store_images(context, storing(attempt.job), pending, 0)


async def _recover(context: TaskContext, attempt: Attempt, lost_call: LostCall) -> None:
    """Save what the provider can be polled with, and poll."""
    job, answer, now = attempt.job, attempt.reply.answer, context.services.clock()
    record = replace(attempt.record, handles=lost_call.handles.to_json())
    text = message_text(answer) if answer else ""
    update = begin_recovery(job, record, lost_call.to_json(), at=now, why=lost_call.why, text=text)
    saved = await context.group_commit.write(update)
    context.archiver.post(job, attempt.request, attempt.reply)
    await record_rate_headers(context, job, attempt.reply.headers)
    if saved:
        await recover(context, storing(job), lost_call, shown=attempt.percent)
