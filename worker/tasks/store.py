"""Storing stage: save the answer first, then store, fetch and check each image."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from models.errors import DarkroomError, ImageError, StorageError
from models.outcomes import Billed, JobError, Outcome
from models.queries.assets import NewAsset
from models.queries.attempts import AttemptRecord
from models.queries.leases import LeasedJob, leased_jobs
from models.request import CHAT, image_count, may_be_text, wants_text
from models.states import JobStatus
from worker.asset_store import CheckedImage, StoredImage
from worker.database_retry import retry_while_database_away
from worker.lifecycle import (
    JobUpdate,
    begin_storing,
    call_for_more,
    end_recovery,
    fail,
    hold,
    postpone_storing,
    succeed,
)
from worker.metrics.upkeep_metrics import rejected
from worker.money.quote import recovered_cost
from worker.pending_images import (
    UNSTORED,
    FetchProblem,
    InlineImage,
    LostImage,
    PendingAnswer,
    PendingImage,
    ReadyImage,
    RemoteImage,
    has_bytes,
    pending_image,
    settle,
)
from worker.tasks.context import TaskContext
from worker.tasks.polling import LostCall, poll_once
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.parsing.image import ResultImage
from worker.upstream.polling.poll import PollStage, PollState

_LONGEST_TEXT = 2**20  # characters of a chat's answer, which is kept as it is
_OURS = "storage_failed"  # the object store is full or away: retried without limit, and no try is counted
_STORAGE_WAIT = (10.0, 20.0)  # seconds between two tries then
_log = structlog.get_logger()


async def save_answer(
    context: TaskContext, job: LeasedJob, answer: Answer, record: AttemptRecord
) -> PendingAnswer | None:
    """Save the answer of a running job; needs no object store, which may be away.

    Returns the answer whose images are to be stored now, by ``store_images``. A text job succeeds here.
    """
    text = message_text(answer)
    if wants_text(job.request) or (may_be_text(job.request) and not (answer.images or answer.videos)):
        text = answer.text[:_LONGEST_TEXT] if job.request.get(CHAT) else text
        now = context.services.clock()
        await context.group_commit.write(succeed(job, [], at=now, record=record, text=text))
        return None
    pending = await _pending(context, answer.images or answer.videos, answer.handles)
    update = begin_storing(job, record, pending.to_json(), text, at=context.services.clock())
    saved = await context.group_commit.write(update) or await _is_storing(context, job)
    return pending if saved else None


async def _is_storing(context: TaskContext, job: LeasedJob) -> bool:
    """Return whether a job is being stored under its lease: the report of a commit may have been lost."""

    async def read() -> bool:
        async with context.services.database.reading() as connection:
            lease = job.lease_token
            return lease is not None and bool(
                await leased_jobs(connection, [job.id], lease, JobStatus.STORING)
            )

    return await retry_while_database_away("a job could not be read", read)


async def store_recovered(
    context: TaskContext, job: LeasedJob, state: PollState, lost_call: LostCall
) -> None:
    """Save the images that polling found for a lost answer, and store them."""
    pending = await _pending(context, state.images or state.videos, lost_call.handles)
    record = AttemptRecord.of(job.id, lost_call.number, state.result or lost_call.result)
    if record.billed is Billed.YES:
        charge = replace(state.charge, pictures=len(state.images) or len(state.videos))
        record = record.charged(recovered_cost(context.services, job, charge))
    update = end_recovery(job, record, pending.to_json(), at=context.services.clock())
    if await context.group_commit.write(update):
        await store_images(context, job, pending, 0)


async def store_images(context: TaskContext, job: LeasedJob, pending: PendingAnswer, tries: int) -> None:
    """Store the images of a job in state ``storing``; end it, or postpone what may work later."""
    last = tries + 1 >= context.services.settings.store_attempts
    pending = await _fetch_all(context, pending)
    if len(pending.ready) < len(pending.images):
        pending = replace(pending, images=[settle(image, last=last) for image in pending.images])
        if pending.lost and pending.handles:
            pending = await _poll_for_lost(context, job, pending, pending.handles)
    route = context.services.routes.get(job.channel)
    calls = route is not None and route.preset.n_style == "calls"
    update = _after_fetch(job, pending, tries, last=last, calls=calls, at=context.services.clock())
    await context.group_commit.write(update)


def _after_fetch(
    job: LeasedJob, pending: PendingAnswer, tries: int, *, last: bool, calls: bool, at: datetime
) -> JobUpdate:
    """Return what follows; with ``calls``, images that the job still lacks are made by a call each."""
    problems = [image.problem or FetchProblem("asset_unreachable", "") for image in pending.open]
    if problems and all(problem.code == _OURS for problem in problems):
        after, why = timedelta(seconds=random.uniform(*_STORAGE_WAIT)), problems[0].message
        return postpone_storing(job, pending.to_json(), after=after, at=at, why=why, tries=tries)
    if problems and not last:
        backoff = 2.0**tries * (0.5 + random.random())
        after = timedelta(seconds=max(backoff, *(problem.wait for problem in problems)))
        why = problems[0].message
        return postpone_storing(job, pending.to_json(), after=after, at=at, why=why, tries=tries + 1)
    if not pending.ready and any(image.code == UNSTORED for image in pending.lost):
        return hold(job, unstored_error(), at=at)
    if not pending.ready:
        return fail(job, _error_of(pending), at=at)
    count, missing = len(pending.images), len(pending.images) - len(pending.ready)
    note = (
        f"{missing} of {count} pictures could not be fetched and stored: {_why(pending)}" if missing else None
    )
    assets = _new_assets(job, pending, at)
    if calls and assets and job.stored + len(assets) < image_count(job.request.get("n")):
        return call_for_more(job, assets, at=at)
    return succeed(job, assets, at=at, note=note)


async def _pending(
    context: TaskContext, images: Sequence[ResultImage | str], handles: Handles
) -> PendingAnswer:
    """Check what came inside the answer; return the answer as the job's row keeps it."""
    pending = [await _pending_image(context, image) for image in images]
    return PendingAnswer(pending, context.services.clock(), handles if handles.pollable else None)


async def _pending_image(context: TaskContext, image: ResultImage | str) -> PendingImage:
    """Check the bytes of an image that came inside the answer; what has only URLs is fetched later."""
    image = ResultImage(url=image) if isinstance(image, str) else image
    inline = await _checked(context, image) if has_bytes(image) else None
    return pending_image(image, inline)


async def _checked(context: TaskContext, image: ResultImage) -> InlineImage | LostImage:
    try:
        checked = await context.services.asset_store.check_inline(image)
    except ImageError as error:
        rejected(error.code)
        return LostImage(error.code, error.message)
    return InlineImage(checked.stored, checked.data)


async def _store_inline(context: TaskContext, image: PendingImage) -> PendingImage:
    """Store an image, or the spare of an image, that came inside the answer."""
    match image:
        case InlineImage():
            return await _store_bytes(context, image)
        case RemoteImage(spare=InlineImage() as inline):
            match await _store_bytes(context, inline):
                case ReadyImage(stored):
                    return replace(image, spare=stored)
                case LostImage():
                    return replace(image, spare=None)
    return image


async def _store_bytes(context: TaskContext, image: InlineImage) -> InlineImage | ReadyImage | LostImage:
    """Store an image's bytes; while the object store takes none, they stay in memory.

    Without its bytes, look for it in the object store: the worker that had them may have stored it.
    """
    store, pause = context.services.asset_store, 0.5
    if image.data is None:
        try:
            return ReadyImage(image.stored) if await store.has(image.stored) else image.lost()
        except StorageError as error:
            return replace(image, problem=FetchProblem(_OURS, str(error)))
    while True:
        try:
            return ReadyImage(await store.put(CheckedImage(image.data, image.stored)))
        except StorageError as error:
            _log.error(
                "a picture could not be stored; it is kept in memory and tried again", error=str(error)
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)


async def _fetch_all(context: TaskContext, pending: PendingAnswer) -> PendingAnswer:
    """Store the images that came inside the answer, one after the other, and fetch the remote ones."""
    age = context.services.clock() - pending.received_at
    inline = [await _store_inline(context, image) for image in pending.images]
    images = await asyncio.gather(*(_fetch(context, image, age) for image in inline))
    return replace(pending, images=images)


async def _fetch(context: TaskContext, image: PendingImage, age: timedelta) -> PendingImage:
    """Fetch and store an image that is still remote."""
    if not isinstance(image, RemoteImage):
        return image
    try:
        return ReadyImage(await context.services.asset_store.store_url(image.url, image.alternates, age=age))
    except ImageError as error:
        if not error.retryable:
            rejected(error.code)
            return LostImage(error.code, error.message, image)
        problem = FetchProblem(error.code, error.message, error.retry_after or 0.0)
    except DarkroomError as error:
        problem = FetchProblem(_OURS, str(error))
    except Exception as error:  # noqa: BLE001 - an unexpected error costs a try, or the job would never end
        _log.exception("an unexpected error stopped the download of a picture", url=str(image.url)[:300])
        words = f"Darkroom itself failed at this link ({type(error).__name__}); its log says more"
        problem = FetchProblem("asset_unreachable", words)
    return replace(image, problem=problem)


async def _poll_for_lost(
    context: TaskContext, job: LeasedJob, pending: PendingAnswer, handles: Handles
) -> PendingAnswer:
    """Poll the provider for fresh URLs of lost images; while it is busy, they are fetched again later."""
    state = await poll_once(context, job, handles)
    fresh: Sequence[ResultImage | str] = state.images or state.videos
    images: list[PendingImage] = []
    for position, image in enumerate(pending.images):
        if not isinstance(image, LostImage):
            images.append(image)
        elif position < len(fresh):
            images.append(await _pending_image(context, fresh[position]))
        elif state.stage in (PollStage.RUNNING, PollStage.UNCLEAR) and image.remote:
            images.append(replace(image.remote, problem=FetchProblem(image.code, image.message)))
        else:
            images.append(image)
    if not fresh:
        return replace(pending, images=images)
    return await _fetch_all(context, PendingAnswer(images, context.services.clock()))


def _new_assets(job: LeasedJob, pending: PendingAnswer, at: datetime) -> list[NewAsset]:
    """Return the new assets of a job, equal bytes once."""
    unique: dict[str, StoredImage] = {}
    for image in pending.ready:
        unique.setdefault(image.stored.sha256, image.stored)
    known = {image.stored.sha256 for image in pending.ready if image.known}
    new = [stored for stored in unique.values() if stored.sha256 not in known]
    return [
        stored.as_asset(
            caller_id=job.caller_id, at=at, job_id=job.id, position=position, generation=job.generation
        )
        for position, stored in enumerate(new, job.stored)
    ]


def _problem_of(image: PendingImage) -> FetchProblem | None:
    match image:
        case LostImage(code, message):
            return FetchProblem(code, message)
        case RemoteImage(problem=problem) | InlineImage(problem=problem):
            return problem
    return None


def _why(pending: PendingAnswer) -> str:
    """Return what happened to the images that are not stored."""
    words = {problem.message.rstrip(".") for image in pending.images if (problem := _problem_of(image))}
    return "; ".join(sorted(words - {""}))


def unstored_error() -> JobError:
    """Return the error of a job whose image was paid for, and is lost here; any policy holds it."""
    return JobError(
        code=UNSTORED,
        message="The picture was made and probably charged, but could not be stored before the worker "
        "stopped. Look at the storage; retrying the job pays for a new picture.",
        outcome=Outcome.AMBIGUOUS,
        retryable=True,
    )


def _error_of(pending: PendingAnswer) -> JobError:
    """Return the error of a job whose images were generated and can't be fetched."""
    first = next(iter(pending.images), None)
    problem = _problem_of(first) if first else None
    remote = first.remote if isinstance(first, LostImage) else first
    seen = f" It was last seen at {remote.url}." if isinstance(remote, RemoteImage) and remote.url else ""
    return JobError(
        code=problem.code if problem else "asset_unreachable",
        message="The picture was generated, and probably charged, but could not be fetched and stored: "
        f"{_why(pending)}.{seen} Retrying the job pays for a new one.",
        outcome=Outcome.NEEDS_HUMAN,
        retryable=False,
    )
