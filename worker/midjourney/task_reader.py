"""Read tasks as JSON, many at once, with their parts and images."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.bounds import FIRST_TIME
from models.integrity.unreadable import log_unreadable, problems_of
from models.midjourney.protocol import TaskStatus
from models.midjourney.serializers import task_view
from models.queries.midjourney.tasks import assets_for_links, images_of, parts_of
from models.settings import Settings

_BATCH = 250  # tasks; serializing them blocks the event loop for about 30 ms


async def read_task_views(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], *, settings: Settings, at: datetime
) -> list[dict[str, Any]]:
    """Return tasks as JSON, in the order given, as they are shown at a time.

    With few queries; other requests run between batches.
    """
    views: list[dict[str, Any]] = []
    for start in range(0, len(tasks), _BATCH):
        views += await _views_of(connection, tasks[start : start + _BATCH], settings, at)
    return views


async def _views_of(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], settings: Settings, at: datetime
) -> list[dict[str, Any]]:
    open_ids = [task.id for task in tasks if task.outcome is None]
    parts = _by_task(await parts_of(connection, open_ids))
    previews = _by_task(await images_of(connection, open_ids))
    asset_ids = {key for task in tasks for key in _asset_ids(task)}
    assets = {row.id: row for row in await assets_for_links(connection, list(asset_ids))}
    view = partial(task_view, settings=settings, at=at)
    views = []
    for task in tasks:
        preview = next(iter(previews[task.id]), None)
        try:
            views.append(view(task, parts=parts[task.id], assets=assets, preview=preview))
        except Exception as error:  # noqa: BLE001 - one row that can't be read must not fail a page of others
            problem = "; ".join(problems_of(task)) or repr(error)
            log_unreadable("Midjourney task", str(task.id), problem)
            views.append(view(_replacement(task, problem), parts=(), assets={}, preview=None))
    return views


def _asset_ids(task: Row[Any]) -> list[UUID]:
    """Return the ids of the images that a task shows; none if its row can't be read."""
    try:
        return [key for key in (task.asset_id, *map(UUID, task.pictures)) if key is not None]
    except (TypeError, ValueError, AttributeError):
        return []


def _replacement(task: Row[Any], problem: str) -> Any:
    """Return a failed task that says why the real one can't be shown."""
    at = next((v for v in (task.submitted_at, task.finished_at) if isinstance(v, datetime)), FIRST_TIME)
    shown: dict[str, Any] = dict.fromkeys(task._mapping.keys()) | {
        "id": task.id,
        "action": "IMAGINE",
        "description": "",
        "bot": task.bot,
        "mode": task.mode,
        "hash": task.hash,
        "request": {},
        "properties": {},
        "pictures": [],
        "outcome": TaskStatus.FAILURE.value,
        "cancelled": False,
        "fail_reason": f"This task's row in the database can't be read: {problem}.",
        "submitted_at": at,
    }
    return SimpleNamespace(**shown)


def _by_task(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    by_task: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_task[row.task_id].append(row)
    return by_task
