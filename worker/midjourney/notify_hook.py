"""notifyHook messages of tasks: each step of progress once, in order, and always the end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.midjourney.notify_hook import END_RANK, hook_body, progress_rank, webhook_event_of
from models.midjourney.task_status import task_state_of
from models.queries.midjourney.tasks import mark_notified, parts_of, task_by_id, tasks_to_notify
from models.queries.webhooks.outbox import enqueue_message
from models.settings import Settings
from worker.midjourney.task_reader import read_task_views
from worker.services import WorkerServices

_BATCH = 200  # tasks per round
_log = structlog.get_logger()


class NotifyHookProgress:
    """Enqueues progress messages, for a batch of tasks in each round."""

    def __init__(self, services: WorkerServices, *, batch: int = _BATCH) -> None:
        self._services, self._batch = services, batch
        self._after = 0  # id of the last task of the previous round

    async def enqueue_changes(self) -> bool:
        """Enqueue messages for tasks that have advanced since their last one; return whether any was."""
        async with self._services.database.reading() as connection:
            tasks = await tasks_to_notify(connection, after=self._after, limit=self._batch)
            parts = await parts_of(connection, [task.id for task in tasks])
        self._after = tasks[-1].id if len(tasks) == self._batch else 0
        enqueued = [
            await self._try_to_enqueue(task, [part for part in parts if part.task_id == task.id])
            for task in tasks
        ]
        return any(enqueued)

    async def _try_to_enqueue(self, task: Row[Any], parts: Sequence[Any]) -> bool:
        try:
            return await self._enqueue_change(task, parts)
        except DatabaseAway:
            raise
        except Exception:  # noqa: BLE001 - one broken task must not keep the messages of the others
            _log.exception("no progress message for a Midjourney task", task=task.id)
            return False

    async def _enqueue_change(self, task: Row[Any], parts: Sequence[Any]) -> bool:
        rank = progress_rank(task_state_of(task, parts))
        if rank <= task.told:
            return False
        async with self._services.database.writing() as connection:
            if not await mark_notified(connection, task.id, rank):
                return False
            settings, at = self._services.settings, self._services.clock()
            await _enqueue(connection, task, parts, rank, settings=settings, at=at)
            return True


async def enqueue_end(connection: AsyncConnection, task_id: int, *, settings: Settings, at: datetime) -> bool:
    """Enqueue the message of a task's end, in the transaction that ends it. ``False``: no notifyHook."""
    task = await task_by_id(connection, task_id)
    if task is None or task.notify_hook is None:
        return False
    parts = await parts_of(connection, [task_id])
    await _enqueue(connection, task, parts, END_RANK, settings=settings, at=at)
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
        event=webhook_event_of(view["status"]),
        revision=rank,
        body=hook_body(view),
        at=at,
    )
