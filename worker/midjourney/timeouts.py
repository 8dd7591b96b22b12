"""Tasks whose jobs are done and that can't end as they should: they fail, so that every task has an end."""

from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from models.database import OUTAGES
from models.midjourney.protocol import TaskStatus
from models.midjourney.task_status import started_at
from models.queries.midjourney.completion import forgotten_dialogs
from models.queries.midjourney.tasks import end_task, parts_of, task_by_id
from worker.midjourney.notify_hook import enqueue_end
from worker.services import WorkerServices

_TIMEOUT = (
    3  # deadlines for all: a dialog takes one at most, calls begin within another, and one to be stored
)
_ODD = "Its calls are done, but Darkroom could not put the result together ({}). Its jobs have what came."
_UNREADABLE = "Its calls are done, but its pictures could not be read or kept within {:.0f} s: storage fails."
_log = structlog.get_logger()


async def still_claimed(services: WorkerServices, task: Row[Any]) -> bool:
    """Tell whether a task is as it was claimed: nobody has ended it since, or called for more pictures."""
    async with services.database.reading() as connection:
        now = await task_by_id(connection, task.id)
    return now is not None and now.outcome is None and now.claimed_until == task.claimed_until


async def fail_stuck_task(services: WorkerServices, task: Row[Any], error: str) -> bool:
    """End a claimed task as a failure; tell whether a webhook is to be sent."""
    return await still_claimed(services, task) and await _fail(services, task, _ODD.format(error))


async def fail_late_task(services: WorkerServices, task: Row[Any]) -> bool:
    """End a task that has waited for storage for too long; tell whether a webhook is to be sent."""
    longest = timedelta(seconds=_TIMEOUT * services.settings.midjourney_deadline)
    if services.clock() < task.submitted_at + longest:
        return False
    async with services.database.reading() as connection:
        now = await task_by_id(connection, task.id)
    if now is None or now.outcome is not None or now.claimed_until is None:  # it has new parts
        return False
    return await _fail(services, task, _UNREADABLE.format(longest.total_seconds()))


async def _fail(services: WorkerServices, task: Row[Any], reason: str) -> bool:
    try:
        return await _ended(services, task, reason, tell=True)
    except OUTAGES:
        raise
    except Exception:  # noqa: BLE001 - what can't be told must still end
        _log.exception("the end of a Midjourney task could not be told", task=task.id)
        return await _ended(services, task, reason, tell=False)


async def _ended(services: WorkerServices, task: Row[Any], reason: str, *, tell: bool) -> bool:
    at = services.clock()
    async with services.database.writing() as connection:
        parts = await parts_of(connection, [task.id])
        times = {"started_at": started_at(parts, ended=at), "finished_at": at}
        changes = {"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times}
        ended = await end_task(connection, task.id, changes)
        return ended and tell and await enqueue_end(connection, task.id, settings=services.settings, at=at)


# Dialogs that nobody goes on with: they end, so that every task has an end.

_AT_ONCE = 200


async def expire_dialogs(services: WorkerServices) -> bool:
    """End dialogs that have waited for longer than a task may; tell whether a webhook is to be sent."""
    at, longest = services.clock(), timedelta(seconds=services.settings.midjourney_deadline)
    reason = f"Nobody went on with it within {longest.total_seconds():.0f} s; nothing was drawn or charged."
    times = {"started_at": at, "finished_at": at}  # clients count on both
    changes = {"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times}
    told = False
    async with services.database.writing() as connection:
        for task_id in await forgotten_dialogs(connection, at - longest, limit=_AT_ONCE):
            if await end_task(connection, task_id, changes):
                told |= await enqueue_end(connection, task_id, settings=services.settings, at=at)
    return told
