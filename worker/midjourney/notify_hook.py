"""Telling a task's own webhook: each step once, in order, the end always."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.notify_hook import LAST, event_of, hook_body, rank_of
from models.midjourney.task_status import task_state_of
from models.queries.midjourney.tasks import mark_notified, parts_of, task_by_id, tasks_to_notify
from models.queries.webhooks.outbox import enqueue_message
from models.settings import Settings
from worker.midjourney.task_reader import read_task_views
from worker.services import WorkerServices

_MOST = 200  # tasks told of in one look


async def enqueue_end(connection: AsyncConnection, task_id: int, *, settings: Settings, at: datetime) -> bool:
    """Write the message of a task's end, in the transaction that ends it; ``False`` if nobody listens."""
    task = await task_by_id(connection, task_id)
    if task is None or task.notify_hook is None:
        return False
    await _enqueue(connection, task, await parts_of(connection, [task_id]), LAST, settings=settings, at=at)
    return True


class NotifyHookSender:
    """Tells of progress: of so many tasks in one look, and of the next ones in the next look."""

    def __init__(self, services: WorkerServices, *, most: int = _MOST) -> None:
        self._tools, self._most = services, most
        self._after = 0  # the last task of the look before

    async def enqueue_changes(self) -> bool:
        """Write messages for tasks that are further than their webhooks know; tell whether there were any."""
        async with self._tools.database.reading() as connection:
            tasks = await tasks_to_notify(connection, after=self._after, limit=self._most)
            parts = await parts_of(connection, [task.id for task in tasks])
        self._after = tasks[-1].id if len(tasks) == self._most else 0
        told = [await self._step(task, [part for part in parts if part.task_id == task.id]) for task in tasks]
        return any(told)

    async def _step(self, task: Row[Any], parts: Sequence[Any]) -> bool:
        rank = rank_of(task_state_of(task, parts))
        if rank <= task.told:
            return False
        async with self._tools.database.writing() as connection:
            if not await mark_notified(connection, task.id, rank):
                return False
            settings, at = self._tools.settings, self._tools.clock()
            await _enqueue(connection, task, parts, rank, settings=settings, at=at)
            return True


async def _enqueue(
    connection: AsyncConnection,
    task: Row[Any],
    parts: Sequence[Any],
    rank: int,
    *,
    settings: Settings,
    at: datetime,
) -> None:
    view = (await read_task_views(connection, [task], settings=settings))[0]
    await enqueue_message(
        connection,
        caller_id=task.caller_id,
        job_id=parts[0].job_id if parts else None,
        url=task.notify_hook,
        event=event_of(view["status"]),
        revision=rank,
        body=hook_body(view),
        at=at,
    )
