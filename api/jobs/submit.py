"""Accepting jobs: all that are in order are born together, once per Idempotency-Key."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.jobs.input_images import keep_data_url, missing_assets
from api.jobs.validation import Rejection, ValidJob
from api.services import ApiServices
from api.web.problems import Problem
from models.errors import InvalidRequest
from models.ids import parse_id, public_id
from models.queries.assets import NewAsset, insert_assets
from models.queries.callers import QueueRoom, lock_queue_room
from models.queries.idempotency_keys import claim_key, find_key, forget_key
from models.queries.jobs import NewJob, insert_jobs

QUEUE_FULL = "queue_full"  #: the code of what does not fit into a caller's limit of waiting jobs


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's wish that a submit happens once: its key, and the hash of what it says."""

    key: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What became of a submit. ``jobs`` is empty when it was ``replayed``: then they were born before."""

    job_ids: Sequence[UUID]
    rejected: Sequence[Mapping[str, Any]]
    jobs: Sequence[NewJob] = ()
    replayed: bool = False


InTransaction = Callable[[AsyncConnection, SubmitResult], Awaitable[None]]
"""What else is to be written with the jobs, in their transaction; if it raises, nothing is written."""


async def find_replay(
    services: ApiServices, caller: Caller, idempotency_key: IdempotencyKey | None, at: datetime
) -> SubmitResult | None:
    """Return what became of the same submit earlier, or ``None``. Refuses a key used for another one."""
    if idempotency_key is None:
        return None
    async with services.database.reading() as connection:
        row = await find_key(connection, caller.id, idempotency_key.key)
    oldest = at - timedelta(seconds=services.settings.idempotency_ttl)
    return None if row is None or row.created_at < oldest else _replay(row, idempotency_key)


async def insert_submitted(
    services: ApiServices,
    caller: Caller,
    valid_jobs: Sequence[ValidJob | Rejection],
    *,
    surface: str,
    idempotency_key: IdempotencyKey | None,
    at: datetime,
    in_transaction: InTransaction | None = None,
) -> SubmitResult:
    """Write the jobs that are in order, in one transaction; the others are rejected by their index."""
    jobs, assets, rejected = await _prepare(services, caller, valid_jobs, at)
    result = SubmitResult([job.id for job in jobs], rejected, jobs)
    async with services.database.writing() as connection:
        room = await lock_queue_room(connection, caller.id) if caller.max_queued is not None else None
        if room is not None and len(jobs) > room.left:
            if idempotency_key is not None and (
                row := await find_key(connection, caller.id, idempotency_key.key)
            ):
                return _replay(row, idempotency_key)
            result = _cut(result, room)
        if idempotency_key is not None and not await _claim(
            connection, services, caller, idempotency_key, result, at
        ):
            row = await find_key(connection, caller.id, idempotency_key.key)
            if row is not None:
                return _replay(row, idempotency_key)
        await insert_assets(connection, assets)
        await insert_jobs(connection, result.jobs, caller_id=caller.id, surface=surface, at=at)
        if in_transaction is not None:
            await in_transaction(connection, result)
    if result.jobs:
        services.notifier.notify()
    return result


def _cut(result: SubmitResult, room: QueueRoom) -> SubmitResult:
    """Reject the last of many jobs, as many as do not fit; raise the 429 problem if none fits."""
    words = f"{room.limit:,} jobs of your key may wait, and so many do; hand in more when some have started."
    if not room.left:
        raise Problem(429, QUEUE_FULL, words, headers={"Retry-After": "10"}, more={"limit": room.limit})
    elsewhere = {each["index"] for each in result.rejected}
    indexes = [i for i in range(len(result.jobs) + len(elsewhere)) if i not in elsewhere]
    full = [{"index": i, "code": QUEUE_FULL, "message": words, "errors": []} for i in indexes[room.left :]]
    rejected = sorted([*result.rejected, *full], key=lambda each: int(each["index"]))
    return SubmitResult(result.job_ids[: room.left], rejected, result.jobs[: room.left])


async def _claim(
    connection: Any,
    services: ApiServices,
    caller: Caller,
    idempotency_key: IdempotencyKey,
    result: SubmitResult,
    at: datetime,
) -> bool:
    oldest = at - timedelta(seconds=services.settings.idempotency_ttl)
    await forget_key(connection, caller.id, idempotency_key.key, before=oldest)
    return await claim_key(
        connection,
        caller.id,
        idempotency_key.key,
        body_hash=idempotency_key.body_hash,
        job_ids=[public_id("job", job_id) for job_id in result.job_ids],
        rejected=[dict(each) for each in result.rejected],
        at=at,
    )


def _replay(row: Row[Any], idempotency_key: IdempotencyKey) -> SubmitResult:
    if bytes(row.body_hash) != idempotency_key.body_hash:
        raise Problem(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request; use a new one.",
            errors=[{"field": "Idempotency-Key", "message": "was used for another request"}],
        )
    return SubmitResult([parse_id("job", job_id) for job_id in row.job_ids], row.rejected, replayed=True)


async def _prepare(
    services: ApiServices, caller: Caller, valid_jobs: Sequence[ValidJob | Rejection], at: datetime
) -> tuple[list[NewJob], list[NewAsset], list[dict[str, Any]]]:
    """Store input images. Returns jobs, their new input assets, and rejections."""
    wanted = {key for each in valid_jobs if isinstance(each, ValidJob) for key in each.assets.values()}
    missing = await missing_assets(services, caller, wanted)
    jobs: list[NewJob] = []
    assets: list[NewAsset] = []
    rejected: list[dict[str, Any]] = []
    for index, each in enumerate(valid_jobs):
        outcome = (
            each
            if isinstance(each, Rejection)
            else await _new_job(services, caller, each, missing, assets, at)
        )
        if isinstance(outcome, Rejection):
            rejected.append(rejection(index, outcome))
        else:
            jobs.append(outcome)
    return jobs, assets, rejected


def rejection(index: int, error: Rejection) -> dict[str, Any]:
    """Describe why one of many jobs was not accepted."""
    return {
        "index": index,
        "code": error.code,
        "message": error.message,
        "errors": [dict(each) for each in error.errors],
    }


async def _new_job(
    services: ApiServices,
    caller: Caller,
    given: ValidJob,
    missing: set[UUID],
    assets: list[NewAsset],
    at: datetime,
) -> NewJob | Rejection:
    if not given.images:
        return given.job
    images, kept = [], []
    try:
        for position, image in enumerate(given.images):
            field = f"images.{position}"
            if given.assets.get(position) in missing:
                raise InvalidRequest(field, f"There is no asset {image!r}.", code="input_image_not_found")
            if image.startswith("data:"):
                image, asset = await keep_data_url(services, caller, image, field=field, at=at)
                kept.append(asset)
            images.append(image)
    except InvalidRequest as error:
        return Rejection(error.code, [{"field": error.field, "message": error.message}])
    assets.extend(kept)
    return given.with_images(images)
