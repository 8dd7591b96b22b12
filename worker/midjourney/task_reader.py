"""Read tasks as JSON, many at once, with their parts and images."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.serializers import task_view
from models.queries.midjourney.tasks import assets_for_links, images_of, parts_of
from models.settings import Settings

_BATCH = 250  # tasks; serializing them blocks the event loop for about 30 ms


async def read_task_views(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], *, settings: Settings
) -> list[dict[str, Any]]:
    """Return tasks as JSON, in the order given, with few queries; other requests run between batches."""
    views: list[dict[str, Any]] = []
    for start in range(0, len(tasks), _BATCH):
        views += await _views_of(connection, tasks[start : start + _BATCH], settings)
    return views


async def _views_of(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], settings: Settings
) -> list[dict[str, Any]]:
    open_ids = [task.id for task in tasks if task.outcome is None]
    parts = _by_task(await parts_of(connection, open_ids))
    previews = _by_task(await images_of(connection, open_ids))
    asset_ids = {
        key for task in tasks for key in (task.asset_id, *map(UUID, task.pictures)) if key is not None
    }
    assets = {row.id: row for row in await assets_for_links(connection, list(asset_ids))}
    return [
        task_view(
            task,
            parts=parts[task.id],
            assets=assets,
            preview=next(iter(previews[task.id]), None),
            settings=settings,
        )
        for task in tasks
    ]


def _by_task(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    by_task: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_task[row.task_id].append(row)
    return by_task
