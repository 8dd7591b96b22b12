"""Completion of a task: its images and their grid, its text, or the reason why there is no result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from models.errors import ImageError, StorageError
from models.midjourney.protocol import Action, TaskStatus
from models.midjourney.task_status import SETTLED, end_times, number_images
from models.queries.assets import NewAsset, insert_assets
from models.queries.midjourney.completion import postpone_completion, text_result
from models.queries.midjourney.tasks import end_task, images_of, parts_of
from models.request import wants_text
from models.states import JobStatus
from worker.midjourney.grid import decode_images
from worker.midjourney.notify_hook import enqueue_end
from worker.midjourney.text_results import description_image, text_result_columns
from worker.midjourney.top_up import top_up
from worker.services import WorkerServices

_STORAGE_RETRY = timedelta(seconds=5)
_NO_IMAGE = "No picture came back."
_DAMAGED = "The images are damaged or gone, and can't be opened. Submit it again."
_NO_PROMPT = "The text model answered without a prompt. Try again, or set another text model."
_NO_VIDEO = "The model sent a picture where a video was asked for. Set a video model that makes videos."
_MAX_REASON = 2000  # characters
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ends: columns of its row, and assets made for it."""

    changes: Mapping[str, Any]
    new_assets: Sequence[NewAsset] = ()


async def complete_task(services: WorkerServices, task: Row[Any]) -> bool:
    """Complete a task whose jobs are all done; return whether a webhook message was enqueued.

    A second call changes nothing. A task that gets a top-up, or whose storage is unavailable, stays open.
    """
    async with services.database.reading() as connection:
        parts = await parts_of(connection, [task.id])
        images = number_images(await images_of(connection, [task.id]), task.request.get("wanted", 1))
        text = await text_result(connection, task.id) if wants_text(task.request) else None
    if any(part.status not in SETTLED for part in parts):
        return False  # another worker, or its caller, has continued it
    if text is None:
        result = await _image_result(services, task, parts, images)
    else:
        result = await _text_result(services, task, parts, text)
    return result is not None and await _write(services, task, result)


def failure_reason(parts: Sequence[Any], default: str) -> str:
    """Return in one sentence why there is no result; never empty, for clients recognise failures by it."""
    messages = [str(part.error["message"]) for part in parts if part.error and part.error.get("message")]
    if messages:
        return max(messages, key=messages.count)[:_MAX_REASON]
    if any(part.status == JobStatus.EXPIRED for part in parts):
        return "It could not start in time."
    if any(part.status == JobStatus.CANCELLED for part in parts):
        return "It was cancelled."
    return default


async def _image_result(
    services: WorkerServices, task: Row[Any], parts: Sequence[Any], images: Sequence[Any]
) -> TaskResult | None:
    """Return the result of images or videos, or ``None`` if the task stays open."""
    default_reason = _NO_IMAGE
    if task.action == Action.VIDEO:
        default_reason = _NO_VIDEO if images else default_reason
        images = [image for image in images if image.content_type.startswith("video/")]
    if images and await top_up(services, task, parts, len(images)):
        return None
    try:
        decoded = await decode_images(services, images)
        grid = None if decoded.grid is None else await _store_grid(services, task, decoded.grid)
    except StorageError as error:
        _log.warning("a Midjourney task waits for storage", task=task.id, error=str(error)[:300])
        async with services.database.writing() as connection:
            await postpone_completion(connection, task.id, until=services.clock() + _STORAGE_RETRY)
        return None
    if damaged := len(images) - len(decoded.images):
        _log.error("damaged pictures are left out", task=task.id, count=damaged)
        default_reason = _DAMAGED
    if not decoded.images:
        return _failed(services, parts, default_reason)
    changes = {
        "outcome": TaskStatus.SUCCESS.value,
        "pictures": [str(image.id) for image in decoded.images],
        "asset_id": decoded.images[0].id if grid is None else grid.id,
        **end_times(parts, services.clock()),
    }
    return TaskResult(changes, () if grid is None else (grid,))


async def _text_result(
    services: WorkerServices, task: Row[Any], parts: Sequence[Any], text: str
) -> TaskResult:
    """Return the result of a text model's answer."""
    columns = text_result_columns(task, text)
    if columns is None:
        return _failed(services, parts, _NO_PROMPT)
    at = services.clock()
    image_id, new_assets = await description_image(services, task, at)
    return TaskResult({**columns, "asset_id": image_id, **end_times(parts, at)}, new_assets)


def _failed(services: WorkerServices, parts: Sequence[Any], default_reason: str) -> TaskResult:
    reason = failure_reason(parts, default_reason)
    times = end_times(parts, services.clock())
    return TaskResult({"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times})


async def _store_grid(services: WorkerServices, task: Row[Any], grid: bytes) -> NewAsset | None:
    """Store a grid and return its asset, or ``None`` if it is too large. Raises ``StorageError``."""
    try:
        stored = await services.asset_store.store_bytes(grid)
    except ImageError as error:
        _log.error("a grid could not be kept", task=task.id, error=error.message)
        return None
    return stored.as_asset(caller_id=task.caller_id, at=services.clock())


async def _write(services: WorkerServices, task: Row[Any], result: TaskResult) -> bool:
    """Write a task's result, its assets and its notifyHook message; return whether there was a message."""
    async with services.database.writing() as connection:
        if not await end_task(connection, task.id, result.changes):
            return False
        await insert_assets(connection, result.new_assets)
        at = result.changes["finished_at"]
        return await enqueue_end(connection, task.id, settings=services.settings, at=at)
