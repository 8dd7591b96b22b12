"""notifyHook messages of tasks: each step of progress once, in order, and always the end."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.midjourney.notify_hook import (
    END_RANK,
    SUBMITTED_RANK,
    hook_body,
    progress_rank,
    submitted_view,
    webhook_event_of,
)
from models.midjourney.task_status import task_state_of
from models.queries.midjourney.tasks import mark_notified, parts_of, task_by_id, tasks_to_notify
from models.queries.webhooks.outbox import enqueue_message
from models.settings import Settings
from worker.midjourney.task_reader import read_task_views
from worker.services import WorkerServices

_BATCH = 200  # tasks per round
_APART = timedelta(seconds=1)  # at least between the first and the last message of a task without jobs
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
        settings, at = self._services.settings, self._services.clock()
        rank = progress_rank(task_state_of(task, parts, at))
        if rank <= task.told:
            return False
        async with self._services.database.writing() as connection:
            if not await mark_notified(connection, task.id, rank):
                return False
            view = (await read_task_views(connection, [task], settings=settings, at=at))[0]
            if task.told < SUBMITTED_RANK < rank:
                await _enqueue(connection, task, parts, SUBMITTED_RANK, submitted_view(view), at=at)
            await _enqueue(connection, task, parts, rank, view, at=at)
            return True


async def enqueue_end(connection: AsyncConnection, task_id: int, *, settings: Settings, at: datetime) -> bool:
    """Enqueue the message of a task's end, in the transaction that ends it. ``False``: no notifyHook.

    If a call has started and no message was enqueued since, the message of its start precedes it.
    """
    task = await task_by_id(connection, task_id)
    if task is None or task.notify_hook is None:
        return False
    parts = await parts_of(connection, [task_id])
    view = (await read_task_views(connection, [task], settings=settings, at=at))[0]
    if task.told < SUBMITTED_RANK and any(part.started_at is not None for part in parts):
        await _enqueue(connection, task, parts, SUBMITTED_RANK, submitted_view(view), at=at)
    await _enqueue(connection, task, parts, END_RANK, view, at=at)
    return True


async def enqueue_all(connection: AsyncConnection, task_id: int, *, settings: Settings, at: datetime) -> bool:
    """Enqueue the messages of a task that had its result when it was submitted, each for its own time.

    In the transaction that inserts it. ``False``: no notifyHook.
    """
    task = await task_by_id(connection, task_id)
    if task is None or task.notify_hook is None:
        return False
    now = (await read_task_views(connection, [task], settings=settings, at=at))[0]
    end = (await read_task_views(connection, [task], settings=settings, at=task.finished_at))[0]
    due = max(task.finished_at, at + _APART)
    await _enqueue(connection, task, (), SUBMITTED_RANK, submitted_view(now), at=at)
    if (rank := progress_rank(task_state_of(task, (), at))) < END_RANK:
        await _enqueue(connection, task, (), rank, now, at=at + (due - at) / 2)
    await _enqueue(connection, task, (), END_RANK, end, at=due)
    return True


async def _enqueue(
    connection: AsyncConnection,
    task: Row[Any],
    parts: Sequence[Any],
    rank: int,
    view: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Enqueue a message that shows a task as ``view``, to be sent at a time."""
    await enqueue_message(
        connection,
        caller_id=task.caller_id,
        job_id=parts[0].job_id if parts else None,
        task_id=None if parts else task.id,
        url=task.notify_hook,
        event=webhook_event_of(view["status"]),
        revision=rank,
        body=hook_body(view),
        at=at,
    )
