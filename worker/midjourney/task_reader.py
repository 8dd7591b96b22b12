"""Reading tasks with all that belongs to them, many at once, for one caller."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.serializers import task_view
from models.queries.midjourney.tasks import parts_of, pictures_of, shown_assets
from models.settings import Settings

_AT_ONCE = 250  # tasks; describing them holds the event loop for some thirty milliseconds


async def read_task_views(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], *, settings: Settings
) -> list[dict[str, Any]]:
    """Describe tasks in the order given: a few queries for hundreds, and others are served between those."""
    views: list[dict[str, Any]] = []
    for at in range(0, len(tasks), _AT_ONCE):
        views += await _views_of(connection, tasks[at : at + _AT_ONCE], settings)
    return views


async def _views_of(
    connection: AsyncConnection, tasks: Sequence[Row[Any]], settings: Settings
) -> list[dict[str, Any]]:
    under_way = [task.id for task in tasks if task.outcome is None]
    parts = _grouped(await parts_of(connection, under_way))
    previews = _grouped(await pictures_of(connection, under_way))
    keys = {key for task in tasks for key in (task.asset_id, *map(UUID, task.pictures)) if key is not None}
    assets = {row.id: row for row in await shown_assets(connection, list(keys))}
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


def _grouped(rows: Iterable[Any]) -> defaultdict[int, list[Any]]:
    grouped: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.task_id].append(row)
    return grouped
