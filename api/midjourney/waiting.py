"""Why a task has not begun: how many are before it, and what its first call waits for."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.jobs.reader import queued_of
from api.midjourney.submit import COUNTED
from api.services import Services
from models.queries.jobs import find_job
from models.queries.midjourney.tasks import count_waiting, parts_of
from models.states import JobStatus
from worker.scheduler.wait_reason import Lookout


async def waiting_of(connection: AsyncConnection, services: Services, task: Row[Any]) -> dict[str, Any]:
    """Return what is shown in the properties of a task of which no call has started."""
    ahead = await count_waiting(connection, task.caller_id, most=COUNTED, before=task.id)
    parts = await parts_of(connection, [task.id])
    queued = next((part.job_id for part in parts if part.status == JobStatus.QUEUED), None)
    job = None if queued is None else await find_job(connection, queued, caller_id=task.caller_id)
    if job is None:
        return {"numberOfQueues": ahead}
    at = services.clock()
    why = Lookout(await services.gate.look(connection, at), at).why(queued_of(job))
    return {"numberOfQueues": ahead, "waitingReason": why.reason.value, "waitingDetail": why.detail}
