"""How a task ends: with the pictures of its jobs, put together, or with the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from models.errors import ImageError, StorageError
from models.midjourney.protocol import Action, TaskStatus
from models.midjourney.task_status import SETTLED, numbered, started_at
from models.queries.assets import NewAsset, insert_assets
from models.queries.midjourney.completion import postpone, text_of
from models.queries.midjourney.tasks import end_task, parts_of, pictures_of
from models.request import wants_text
from models.states import JobStatus
from worker.midjourney.grid import decode_images
from worker.midjourney.notify_hook import enqueue_end
from worker.midjourney.text_results import described, text_changes
from worker.midjourney.top_up import top_up
from worker.services import WorkerServices

_AGAIN = timedelta(seconds=5)  # until storage is asked again
_NOTHING = "No picture came back."
_DAMAGED = "What came is damaged or gone, and can't be opened as a picture. Submit it again."
_NO_PROMPT = "The text model answered without a prompt. Try again, or set another text model."
_NO_VIDEO = "The model sent a picture where a video was asked for. Set a video model that makes videos."
_REASON = 2000  # characters of a reason
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a task ends with: columns of its row, and the picture that was made for it."""

    changes: Mapping[str, Any]
    made: Sequence[NewAsset] = ()


async def complete_task(services: WorkerServices, task: Row[Any]) -> bool:
    """End a task whose jobs are all done. Whoever comes second changes nothing.

    Tell whether a webhook is to be sent.
    """
    async with services.database.reading() as connection:
        parts = await parts_of(connection, [task.id])
        pictures = numbered(await pictures_of(connection, [task.id]), task.request.get("wanted", 1))
        text = await text_of(connection, task.id) if wants_text(task.request) else None
    if any(part.status not in SETTLED for part in parts):
        return False  # another worker, or its caller, lets it go on
    if text is not None:
        return await _ended(services, task, await _text_ending(services, task, parts, text))
    ending = await _picture_ending(services, task, parts, pictures)
    return ending is not None and await _ended(services, task, ending)


async def _picture_ending(
    services: WorkerServices, task: Row[Any], parts: Sequence[Any], pictures: Sequence[Any]
) -> TaskResult | None:
    """Return how a task ends with what came, or ``None`` if it is too early for that."""
    nothing = _NOTHING
    if task.action == Action.VIDEO:
        nothing = _NO_VIDEO if pictures else nothing
        pictures = [each for each in pictures if each.content_type.startswith("video/")]
    if pictures and await top_up(services, task, parts, len(pictures)):
        return None
    try:
        found = await decode_images(services, pictures)
        shown = None if found.grid is None else await _stored(services, task, found.grid)
    except StorageError as error:
        _log.warning("a Midjourney task waits for storage", task=task.id, error=str(error)[:300])
        async with services.database.writing() as connection:
            await postpone(connection, task.id, until=services.clock() + _AGAIN)
        return None
    if damaged := len(pictures) - len(found.pictures):
        _log.error("damaged pictures are left out", task=task.id, count=damaged)
        nothing = _DAMAGED
    return _ending(parts, found.pictures, shown, at=services.clock(), nothing=nothing)


async def _ended(services: WorkerServices, task: Row[Any], ending: TaskResult) -> bool:
    """Write how a task has ended; tell whether a webhook is to be sent."""
    async with services.database.writing() as connection:
        if not await end_task(connection, task.id, ending.changes):
            return False
        await insert_assets(connection, ending.made)
        at = ending.changes["finished_at"]
        return await enqueue_end(connection, task.id, settings=services.settings, at=at)


async def _text_ending(
    services: WorkerServices, task: Row[Any], parts: Sequence[Any], text: str
) -> TaskResult:
    at = services.clock()
    changes = text_changes(task, text)
    if changes is None:
        return _ending(parts, [], None, at=at, nothing=_NO_PROMPT)
    shown, made = await described(services, task, at)
    times = {"started_at": started_at(parts, ended=at), "finished_at": at}
    return TaskResult({**changes, "asset_id": shown, **times}, made)


def _ending(
    parts: Sequence[Any],
    pictures: Sequence[Any],
    shown: NewAsset | None,
    *,
    at: datetime,
    nothing: str,
) -> TaskResult:
    times = {"started_at": started_at(parts, ended=at), "finished_at": at}
    if not pictures:
        reason = reason_of(parts, nothing)
        return TaskResult({"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times})
    changes = {
        "outcome": TaskStatus.SUCCESS.value,
        "pictures": [str(picture.id) for picture in pictures],
        "asset_id": pictures[0].id if shown is None else shown.id,
        **times,
    }
    return TaskResult(changes, [] if shown is None else [shown])


def reason_of(parts: Sequence[Any], nothing: str) -> str:
    """Return in one sentence why there is no picture; never empty, for that is how clients see a failure."""
    words = [str(part.error["message"]) for part in parts if part.error and part.error.get("message")]
    if words:
        return max(words, key=words.count)[:_REASON]
    if any(part.status == JobStatus.EXPIRED for part in parts):
        return "It could not start in time."
    if any(part.status == JobStatus.CANCELLED for part in parts):
        return "It was cancelled."
    return nothing


async def _stored(services: WorkerServices, task: Row[Any], grid: bytes) -> NewAsset | None:
    """Store a grid and return its asset, or ``None`` if it can't be kept. Raises ``StorageError``."""
    try:
        stored = await services.asset_store.store_bytes(grid)
    except ImageError as error:
        _log.error("a grid could not be kept", task=task.id, error=error.message)
        return None
    return stored.as_asset(caller_id=task.caller_id, at=services.clock())
