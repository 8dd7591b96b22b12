"""Timeouts: fail tasks that can't be completed, and dialogs without an answer, so that every task ends."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from models.errors import DatabaseAway
from models.integrity.database_errors import is_transient
from models.midjourney.protocol import TaskStatus
from models.midjourney.task_status import end_times
from models.queries.midjourney.completion import expired_dialogs
from models.queries.midjourney.tasks import end_task, parts_of, task_by_id
from worker.midjourney.notify_hook import enqueue_end
from worker.services import WorkerServices

_LATE = 3  # deadlines: a dialog takes one at most, calls start within another, one more is for storing
_BATCH = 200  # dialogs per transaction
_STUCK_REASON = (
    "Its calls are done, but Darkroom could not put the result together ({}). Its jobs have what came."
)
_LATE_REASON = (
    "Its calls are done, but its pictures could not be read or kept within {:.0f} s: storage fails."
)
_DIALOG_REASON = "The dialog was not answered within {:.0f} s; nothing was drawn or charged."
_log = structlog.get_logger()


async def still_claimed(services: WorkerServices, task: Row[Any]) -> bool:
    """Return whether a task is as it was claimed: it has neither ended nor got further parts since."""
    async with services.database.reading() as connection:
        now = await task_by_id(connection, task.id)
    return now is not None and now.outcome is None and now.claimed_until == task.claimed_until


async def fail_stuck_task(services: WorkerServices, task: Row[Any], error: str) -> bool:
    """Fail a claimed task whose completion raises; return whether a webhook message was enqueued."""
    return await still_claimed(services, task) and await _fail(services, task, _STUCK_REASON.format(error))


async def fail_late_task(services: WorkerServices, task: Row[Any]) -> bool:
    """Fail a task that has waited too long for the storage; return whether a message was enqueued."""
    limit = timedelta(seconds=_LATE * services.settings.midjourney_deadline)
    if services.clock() < task.submitted_at + limit:
        return False
    async with services.database.reading() as connection:
        now = await task_by_id(connection, task.id)
    if now is None or now.outcome is not None or now.claimed_until is None:  # it has new parts
        return False
    return await _fail(services, task, _LATE_REASON.format(limit.total_seconds()))


async def expire_dialogs(services: WorkerServices) -> bool:
    """Fail tasks whose dialog was not answered in time; return whether a message was enqueued."""
    at, limit = services.clock(), timedelta(seconds=services.settings.midjourney_deadline)
    changes = _failure(_DIALOG_REASON.format(limit.total_seconds()), end_times((), at))
    enqueued = False
    async with services.database.writing() as connection:
        for task_id in await expired_dialogs(connection, at - limit, limit=_BATCH):
            if not await end_task(connection, task_id, changes):
                continue
            try:
                async with connection.begin_nested():
                    enqueued |= await enqueue_end(connection, task_id, settings=services.settings, at=at)
            except Exception as error:
                if is_transient(error):
                    raise
                _log.exception("no webhook message for the end of a Midjourney task", task=task_id)
    return enqueued


async def _fail(services: WorkerServices, task: Row[Any], reason: str) -> bool:
    try:
        return await _end(services, task, reason, notify=True)
    except DatabaseAway:
        raise
    except Exception:  # noqa: BLE001 - a task that can't be serialized must still end
        _log.exception("no webhook message for the end of a Midjourney task", task=task.id)
        return await _end(services, task, reason, notify=False)


async def _end(services: WorkerServices, task: Row[Any], reason: str, *, notify: bool) -> bool:
    at = services.clock()
    async with services.database.writing() as connection:
        changes = _failure(reason, end_times(await parts_of(connection, [task.id]), at))
        ended = await end_task(connection, task.id, changes)
        return ended and notify and await enqueue_end(connection, task.id, settings=services.settings, at=at)


def _failure(reason: str, times: dict[str, datetime]) -> dict[str, Any]:
    return {"outcome": TaskStatus.FAILURE.value, "fail_reason": reason, **times}
