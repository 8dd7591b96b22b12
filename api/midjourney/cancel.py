"""Cancelling: the task ends at once, and its calls are dropped with it."""

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
from api.midjourney.task_ids import number_of
from api.services import ApiServices, services_of
from models.midjourney.protocol import Code
from models.midjourney.task_status import SETTLED, started_at
from models.queries.midjourney.tasks import end_task, find_task, lock_free, parts_of
from worker import lifecycle
from worker.midjourney.notify_hook import enqueue_end

_REASON = "Cancelled by its caller."
_TRIES, _PAUSE = 50, 0.02  # seconds between looks whether workers are done writing


async def cancel(request: Request) -> Response:
    """Stop a task. Stopping it again changes nothing; one that has ended otherwise can't be stopped."""
    services = services_of(request)
    caller = await authenticated(request, services)
    number = number_of(request.path_params["task_id"])
    if number is None:
        raise _unknown()
    for _ in range(_TRIES):
        if await _stopped(services, caller, number):
            services.notifier.notify()
            return submit_response(Code.SUCCESS, "Cancelled.", str(number))
        await asyncio.sleep(_PAUSE)
    raise SubmitError(Code.FAILURE, "Workers are busy with this task. Cancel it again.", status=503)


async def _stopped(services: ApiServices, caller: Caller, number: int) -> bool:
    """End the task and stop its jobs, all or nothing; ``False`` while a worker writes to one of them.

    Workers write to many jobs at once, in an order of their own: who waits for them may wait for ever.
    Raises ``Refusal``.
    """
    at = services.clock()
    async with services.database.writing() as connection:
        task = await find_task(connection, number, caller_id=caller.id, lock=True)
        if task is None:
            raise _unknown()
        if task.outcome is not None and not task.cancelled:
            raise SubmitError(Code.INVALID, "This task has ended already.")
        parts = await parts_of(connection, [number])
        under_way = [part.job_id for part in parts if part.status not in SETTLED]
        if not await lock_free(connection, under_way):
            return False
        for job_id in under_way:
            await lifecycle.cancel_job(connection, job_id, at=at)
        if task.outcome is None:
            await _end(connection, task, parts, services.settings.midjourney_cancel_status, at)
            await enqueue_end(connection, number, settings=services.settings, at=at)
    return True


async def _end(connection: AsyncConnection, task: Row[Any], parts: Any, outcome: str, at: datetime) -> None:
    changes = {
        "outcome": outcome,
        "cancelled": True,
        "fail_reason": _REASON,
        "started_at": started_at(parts, ended=at),
        "finished_at": at,
    }
    await end_task(connection, task.id, changes)


def _unknown() -> SubmitError:
    return SubmitError(Code.NOT_FOUND, "There is no such task.")
