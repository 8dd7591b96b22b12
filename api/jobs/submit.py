"""Insert submitted jobs in one transaction, within the caller's queue limit, once per Idempotency-Key."""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.jobs.idempotency import IdempotencyKey, claim_or_replay, read_replay
from api.jobs.input_images import NOT_FOUND, NewInputImage, asset_sizes, read_data_url, with_whole_ids
from api.jobs.submit_result import RejectedJob, SubmitResult, rejected_job
from api.jobs.validation import Rejection, ValidJob
from api.services import ApiServices
from api.web.problems import Problem
from models.errors import InvalidRequest
from models.operations.trace_context import present_traceparent
from models.queries.assets import insert_assets
from models.queries.callers import QueueRoom, lock_queue_room
from models.queries.jobs import NewJob, Origin, SubmittedJob, insert_jobs
from models.queries.uploads import renew_uploads
from worker.images.input_limits import InputSize, check_input_sizes
from worker.metrics import job_metrics
from worker.process.log_context import present_log_context

QUEUE_FULL = "queue_full"  #: code of a job that exceeds the caller's limit of queued jobs

_CEILING = " The operator raises DARKROOM_MAX_QUEUED, or gives your key a limit of its own."

InputImages = Mapping[UUID, Sequence[NewInputImage]]  #: by job, not stored yet
InTransaction = Callable[[AsyncConnection, SubmitResult], Awaitable[None]]
"""Further writes of a surface, in the transaction that inserts the jobs; an exception rolls it back."""


async def insert_submitted(
    services: ApiServices,
    caller: Caller,
    submitted: Sequence[ValidJob | Rejection],
    *,
    surface: str,
    idempotency_key: IdempotencyKey | None,
    at: datetime,
    in_transaction: InTransaction | None = None,
) -> SubmitResult:
    """Insert the valid jobs in one transaction; the result lists the others by their index.

    Raises the 429 problem if no job fits the queue limit, and 422 if the key was used for another request.
    """
    submitted = [await with_whole_ids(services, caller, each) for each in submitted]
    jobs, images, rejected = await _prepare(services, caller, submitted, at)
    result = SubmitResult([job.id for job in jobs], rejected, jobs)
    if caller.max_queued is None:
        ceiling = services.queue_ceiling
        if (room := await ceiling.room(services.database, caller.id, len(jobs), at)) is not None:
            result = _limit_to(room, result, hint=_CEILING)
    if images:
        async with services.database.reading() as connection:
            result = await _within_room(connection, services, caller, idempotency_key, result, at)
        if result.replayed:
            return result
        for image in _images_of(result, images):
            await image.put(services.store)
    uploads = {key for each in submitted if isinstance(each, ValidJob) for key in each.assets.values()}
    request_id = present_log_context().fields.get("request_id")
    origin = Origin(at, present_traceparent(), None if request_id is None else str(request_id))
    others = images or uploads or idempotency_key or in_transaction or caller.max_queued is not None
    if len(result.jobs) == 1 and not others:
        act = partial(_insert_together, services, caller, surface)
        group = (services.database, caller.id, surface)
        await services.submits.get(group, SubmittedJob(result.jobs[0], origin), act)
    else:
        async with services.database.writing() as connection:
            result = await _claim(connection, services, caller, idempotency_key, result, at)
            if result.replayed:
                return result
            await _insert(connection, services, caller, surface, result, images, uploads, origin)
            if in_transaction is not None:
                await in_transaction(connection, result)
    for each in result.rejected:
        job_metrics.rejected(each["code"])
    if result.jobs:
        services.queue_ceiling.add(caller.id, len(result.jobs))
        services.notifier.notify()
    return result


async def _claim(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    idempotency_key: IdempotencyKey | None,
    result: SubmitResult,
    at: datetime,
) -> SubmitResult:
    """Claim the Idempotency-Key for the jobs that fit the caller's limit, or return what it was used for."""
    if caller.max_queued is not None:
        result = await _within_room(connection, services, caller, idempotency_key, result, at)
    if result.replayed or idempotency_key is None or not result.job_ids:
        return result
    replay = await claim_or_replay(connection, services, caller, idempotency_key, result, at)
    if replay is None:
        return result
    job_metrics.rejected("duplicate", len(result.jobs))
    return replay


async def _insert(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    surface: str,
    result: SubmitResult,
    images: InputImages,
    uploads: Set[UUID],
    origin: Origin,
) -> None:
    """Insert the jobs of a submit with their new input images, and renew the uploads that they name."""
    if uploads:
        age = timedelta(seconds=services.settings.upload_age)
        await renew_uploads(connection, uploads, origin.at + age, before=origin.at + age / 2)
    if images:
        await insert_assets(connection, [image.asset for image in _images_of(result, images)])
    await insert_jobs(
        connection,
        result.jobs,
        caller_id=caller.id,
        surface=surface,
        at=origin.at,
        traceparent=origin.traceparent,
        request_id=origin.request_id,
    )
    job_metrics.submitted(connection, result.jobs, surface)


async def _insert_together(
    services: ApiServices, caller: Caller, surface: str, submitted: Sequence[SubmittedJob]
) -> dict[SubmittedJob, bool]:
    """Insert the single jobs of concurrent submits of one caller."""
    jobs, origins = [each.job for each in submitted], [each.origin for each in submitted]
    async with services.database.writing() as connection:
        await insert_jobs(
            connection, jobs, caller_id=caller.id, surface=surface, at=origins[0].at, origins=origins
        )
        job_metrics.submitted(connection, jobs, surface)
    return dict.fromkeys(submitted, True)


async def _within_room(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    key: IdempotencyKey | None,
    result: SubmitResult,
    at: datetime,
) -> SubmitResult:
    """Return the result within the caller's queue limit, or the earlier one of a repeated submit.

    Raises the 429 problem if no job fits. It is called before input images are stored, so that a refused
    submit stores none, and again in the transaction that inserts the jobs: others may have submitted since.
    """
    room = await lock_queue_room(connection, caller.id) if caller.max_queued is not None else None
    if room is None or len(result.jobs) <= room.left:
        return result
    return await read_replay(connection, services, caller, key, at) or _limit_to(room, result)


def _images_of(result: SubmitResult, images: InputImages) -> list[NewInputImage]:
    return [image for job in result.jobs for image in images.get(job.id, ())]


def _limit_to(room: QueueRoom, result: SubmitResult, *, hint: str = "") -> SubmitResult:
    """Reject the last jobs, those beyond the queue limit. Raises the 429 problem if none fits."""
    message = f"{room.limit:,} jobs of your key may wait, and so many do; submit more when some have started."
    message += hint
    if not room.left:
        job_metrics.rejected(QUEUE_FULL, len(result.jobs))
        raise Problem(429, QUEUE_FULL, message, headers={"Retry-After": "10"}, more={"limit": room.limit})
    excess: list[RejectedJob] = [
        {"index": index, "code": QUEUE_FULL, "message": message, "errors": []}
        for index in result.accepted_indexes[room.left :]
    ]
    rejected = sorted([*result.rejected, *excess], key=lambda each: each["index"])
    return SubmitResult(result.job_ids[: room.left], rejected, result.jobs[: room.left])


async def _prepare(
    services: ApiServices, caller: Caller, submitted: Sequence[ValidJob | Rejection], at: datetime
) -> tuple[list[NewJob], InputImages, list[RejectedJob]]:
    """Resolve the input images. Returns the jobs, their new input images, and the rejections."""
    wanted = {key for each in submitted if isinstance(each, ValidJob) for key in each.assets.values()}
    sizes = await asset_sizes(services, caller, wanted)
    jobs: list[NewJob] = []
    images: dict[UUID, Sequence[NewInputImage]] = {}
    rejected: list[RejectedJob] = []
    for index, each in enumerate(submitted):
        prepared: NewJob | Rejection
        if isinstance(each, Rejection):
            prepared = each
        elif each.images:
            prepared = await _with_images(services, caller, each, sizes, images, at)
        else:
            prepared = each.job
        if isinstance(prepared, Rejection):
            rejected.append(rejected_job(index, prepared))
        else:
            jobs.append(prepared)
    return jobs, images, rejected


async def _with_images(
    services: ApiServices,
    caller: Caller,
    valid: ValidJob,
    known: Mapping[UUID, InputSize],
    new_images: dict[UUID, Sequence[NewInputImage]],
    at: datetime,
) -> NewJob | Rejection:
    """Return a job with its final input images; the data URLs among them are added to ``new_images``."""
    images, new, sizes = [], [], list[InputSize]()
    try:
        for position, image in enumerate(valid.images):
            field = valid.fields[position]
            if (asset_id := valid.assets.get(position)) is not None:
                if asset_id not in known:
                    raise InvalidRequest(field, f"There is no asset {image!r}.", code=NOT_FOUND)
                sizes.append(known[asset_id])
            if image.startswith("data:"):
                new.append(await read_data_url(services, caller, image, field=field, at=at))
                image = new[-1].id
                sizes.append(new[-1].size)
            images.append(image)
        check_input_sizes(sizes, services.settings)
    except InvalidRequest as error:
        return Rejection(error.code, [{"field": error.field, "message": error.message}])
    if new:
        new_images[valid.job.id] = new
    return valid.with_images(images)
