"""The paid stage: wait for the start, say so, call, judge, decide."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.errors import DarkroomError, InvalidRequest, PictureError
from models.outcomes import UNKNOWN, Outcome, Verdict
from models.request import wants_text
from models.states import JobStatus
from worker.archive.writer import keep
from worker.lifecycle import (
    ending,
    failed,
    handed_back,
    handled,
    held,
    progressed,
    recovering,
    started,
    unsent,
)
from worker.scheduler.rate_limiter import slack_of
from worker.tasks.channel_feedback import tell_limits, tell_success
from worker.tasks.context import Workbench, work_on
from worker.tasks.failure import conclude
from worker.tasks.input_images import image_request
from worker.tasks.polling import LOST, Lost
from worker.tasks.recovery import recover
from worker.tasks.store import deliver
from worker.upstream.errors.text_results import judged_as_text
from worker.upstream.handles import Handles, merge
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import text_besides
from worker.upstream.request import ProviderRequest, build_request
from worker.upstream.transport.client import Reply

# What is heard while an answer streams: written down at once.

_PAUSE = 0.5  # seconds between two progress writes of one job


class Listener:
    """Writes progress to the job, and to its attempt by what a lost answer could be asked for again."""

    def __init__(self, bench: Workbench, job: Row[Any]) -> None:
        self._bench, self._job = bench, job
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self.percent = 0  #: as the job shows it
        self.handles = Handles()  #: as far as they are known

    def progress(self, percent: int) -> None:
        """Show how far the picture is, at most twice a second."""
        if self._loop.time() - self._last >= _PAUSE and 0 < percent < 100:
            self._last, self.percent = self._loop.time(), percent
            self._bench.writer.post(progressed(self._job, percent, at=self._bench.tools.clock()))

    def handle(self, handles: Handles) -> None:
        """Note handles before anything can happen to us."""
        self.handles = handles
        if handles.recoverable:
            self._bench.writer.post(handled(self._job, self._job.next_number, handles.to_json()))


async def generate(bench: Workbench, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Develop a chunk of leased jobs."""
    await work_on(bench, job_ids, lease, JobStatus.LEASED, develop)


async def develop(bench: Workbench, job: Row[Any]) -> None:
    """Develop one job: call its provider and bring the pictures home, or decide what follows."""
    request = await _prepare(bench, job)
    if request is None or not await _start(bench, job):
        return
    bench.brought.forget(job.id)
    listener = Listener(bench, job)
    try:
        reply = await bench.tools.upstream.call(
            request,
            bench.tools.routes[job.channel].preset,
            on_progress=listener.progress,
            on_handle=listener.handle,
        )
    except asyncio.CancelledError:
        await asyncio.shield(_leave(bench, job, listener))
        raise
    reply = judged_as_text(reply) if wants_text(job.request) else reply
    ended = _ended(bench, job, reply.verdict, reply)
    if reply.verdict.outcome is Outcome.SUCCESS and reply.answer is not None:
        await _bring_home(bench, job, request, reply, ended)
        await tell_success(bench, job)
        return
    await tell_limits(bench, job, reply.headers)
    ended["raw_key"] = await keep(bench.tools, job, request, reply)
    if lost := _lost(bench, job, reply, listener):
        await _ask_again(bench, job, lost, ended, reply.answer, told=listener.percent)
    else:
        await conclude(bench, job, reply.verdict, ended)


async def _leave(bench: Workbench, job: Row[Any], listener: Listener) -> None:
    """Write down that the worker drops the call; if it can be asked for again, whoever comes next does."""
    now, ended = bench.tools.clock(), _ended(bench, job, LOST, None)
    if listener.handles.recoverable:
        lost = Lost(listener.handles, job.next_number, job.attempts_used + 1, now, LOST)
        ended["handles"] = listener.handles.to_json()
        await bench.writer.write(recovering(job, ended, lost.to_json(), at=now, why=lost.why, release=True))
    else:
        await conclude(bench, job, LOST, ended)


def _lost(bench: Workbench, job: Row[Any], reply: Reply, listener: Listener) -> Lost | None:
    """Return the call as one to be asked for again, if its picture may exist and it can be asked for."""
    handles = listener.handles
    if reply.answer is not None:  # it was read to its end, and what streamed past turned out to be no picture
        handles = replace(merge(reply.answer.handles, handles), seen=None)
    if reply.verdict.outcome not in (*UNKNOWN, Outcome.NO_IMAGE) or not handles.recoverable:
        return None
    return Lost(handles, job.next_number, job.attempts_used + 1, bench.tools.clock(), reply.verdict)


async def _ask_again(
    bench: Workbench,
    job: Row[Any],
    lost: Lost,
    ended: Mapping[str, Any],
    answer: Answer | None,
    *,
    told: int,
) -> None:
    """Save by what the answer can be had, and ask for it."""
    ended, text = {**ended, "handles": lost.handles.to_json()}, text_besides(answer) if answer else ""
    now = bench.tools.clock()
    if await bench.writer.write(recovering(job, ended, lost.to_json(), at=now, why=lost.why, text=text)):
        await recover(bench, job, lost, told=told)


async def _bring_home(
    bench: Workbench, job: Row[Any], request: ProviderRequest, reply: Reply, ended: dict[str, Any]
) -> None:
    """Deliver an answer; if that is cut off, the job is held whatever its policy: the picture was made."""
    try:
        await tell_limits(bench, job, reply.headers)
        ended["raw_key"] = await keep(bench.tools, job, request, reply)
        await deliver(bench, job, reply.answer or Answer(), ended)
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
            await image_request(bench.tools, job, route.preset, brought=bench.brought),
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
    if why := _hindrance(bench, job, now):
        await bench.writer.write(handed_back(job, at=now, why=why))
        return False
    if not await bench.writer.write(started(job, channel=job.channel, worker=bench.worker_id, at=now)):
        why = "the database went away while its start was written; nothing was sent"
        await bench.writer.write(unsent(job, at=bench.tools.clock(), why=why))  # undone if it was written
        return False
    written = bench.tools.clock()  # the commit may have taken long, or we were frozen
    given_up = written - now > timedelta(seconds=bench.tools.settings.worker_timeout / 2)
    if why := "others may have given it up meanwhile" if given_up else _hindrance(bench, job, written):
        await bench.writer.write(unsent(job, at=written, why=why))
        return False
    return True


def _hindrance(bench: Workbench, job: Row[Any], now: datetime) -> str | None:
    """Say why the call must not leave now, if so."""
    cooling = bench.hand.cooling.get(job.channel)
    if bench.hand.halt.is_set():
        return "the worker is stopping"
    if cooling is not None and cooling > now:
        return "the channel is cooling down"
    if bench.hand.stopped.intersection({(job.channel, ""), (job.channel, job.model)}):
        return "the channel was stopped"
    if job.expires_at is not None and job.expires_at <= now:
        return "its time is over"
    if _missed(bench, job, now):
        return "its turn was missed; going now could exceed a rate limit"
    return None


def _missed(bench: Workbench, job: Row[Any], now: datetime) -> bool:
    """Tell whether a start is so late that it could come too close to others."""
    settings = bench.tools.routes[job.channel].settings
    limits = [settings.model_dump(include={"rpm", "rps", "rpd", "ipm", "burst"}), {"rpm": job.caller_rpm}]
    if job.model in settings.limits:
        limits.append(settings.limits[job.model].model_dump())
    slacks = [slack for each in limits if (slack := slack_of(each)) is not None]
    yesterday = job.start_at.astimezone(UTC).date() != now.astimezone(UTC).date()
    if yesterday and any(each.get("rpd") for each in limits):
        return True
    return bool(slacks) and now - job.start_at > min(slacks)


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
