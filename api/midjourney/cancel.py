"""Cancel a task: it ends at once, and its jobs are cancelled with it."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.midjourney.auth import authenticated
from api.midjourney.responses import SubmitError, submit_response
from api.midjourney.task_ids import parse_task_id
from api.services import ApiServices, services_of
from models.midjourney.protocol import Code
from models.midjourney.task_status import SETTLED, end_times
from models.queries.midjourney.tasks import end_task, find_task, parts_of, try_lock_jobs
from worker import lifecycle
from worker.midjourney.notify_hook import enqueue_end

_REASON = "Cancelled by its caller."
_TRIES, _PAUSE = 50, 0.02  # pause in seconds


async def cancel(request: Request) -> Response:
    """Cancel a task. Idempotent; a task that has ended otherwise can't be cancelled."""
    services = services_of(request)
    caller = await authenticated(request, services, changes=True)
    task_id = parse_task_id(request.path_params["task_id"])
    if task_id is None:
        raise _unknown()
    for _ in range(_TRIES):
        if await _try_cancel(services, caller, task_id):
            services.notifier.notify()
            return submit_response(Code.SUCCESS, "Cancelled.", str(task_id))
        await asyncio.sleep(_PAUSE)
    raise SubmitError(Code.FAILURE, "Workers are busy with this task. Cancel it again.", status=503)


async def _try_cancel(services: ApiServices, caller: Caller, task_id: int) -> bool:
    """End the task and cancel its jobs, all or nothing; ``False`` while a worker holds a lock on one.

    Workers lock many jobs at once, in an order of their own: waiting for their locks could deadlock.
    Raises ``SubmitError``.
    """
    at = services.clock()
    async with services.database.writing() as connection:
        task = await find_task(connection, task_id, caller_id=caller.id, lock=True)
        if task is None:
            raise _unknown()
        if task.outcome is not None and not task.cancelled:
            raise SubmitError(Code.INVALID, "This task has ended already.")
        parts = await parts_of(connection, [task_id])
        open_jobs = [part.job_id for part in parts if part.status not in SETTLED]
        if not await try_lock_jobs(connection, open_jobs):
            return False
        for job_id in open_jobs:
            await lifecycle.cancel_job(connection, job_id, at=at)
        if task.outcome is None:
            await _end(connection, task, parts, services.settings.midjourney_cancel_status, at)
            await enqueue_end(connection, task_id, settings=services.settings, at=at)
    return True


async def _end(connection: AsyncConnection, task: Row[Any], parts: Any, outcome: str, at: datetime) -> None:
    changes = {
        "outcome": outcome,
        "cancelled": True,
        "fail_reason": _REASON,
        **end_times(parts, at),
    }
    await end_task(connection, task.id, changes)


def _unknown() -> SubmitError:
    return SubmitError(Code.NOT_FOUND, "There is no such task.")
