"""Calling for what is missing of a grid: a provider that was asked for several pictures gave fewer."""

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Row

from models.ids import new_id
from models.midjourney.protocol import SEEDS
from models.queries.jobs import NewJob, insert_jobs
from models.queries.midjourney.completion import add_parts, release
from models.queries.webhooks.deliveries import jobs_by_id
from models.states import JobStatus
from worker.services import WorkerServices

_log = structlog.get_logger()


async def top_up(services: WorkerServices, task: Row[Any], parts: Sequence[Any], pictures: int) -> bool:
    """Call once for each missing picture if the task's one call was to bring several; tell whether it does.

    Many providers take ``n`` and draw one picture all the same.
    """
    missing = task.request.get("wanted", 1) - pictures
    if len(parts) != 1 or missing < 1 or parts[0].status != JobStatus.SUCCEEDED:
        return False
    async with services.database.reading() as connection:
        job = (await jobs_by_id(connection, [parts[0].job_id]))[parts[0].job_id]
    if (job.request.get("n") or 1) < 2:
        return False
    jobs = [_job(job, number, services) for number in range(1, missing + 1)]
    async with services.database.writing() as connection:
        if not await release(connection, task.id):
            return False
        await insert_jobs(connection, jobs, caller_id=job.caller_id, surface=job.surface, at=services.clock())
        await add_parts(connection, task.id, [each.id for each in jobs], first=1)
    _log.info(
        "fewer pictures came than n asked for; the others are called for", task=task.id, missing=missing
    )
    return True


def _job(job: Row[Any], number: int, services: WorkerServices) -> NewJob:
    params = dict(job.request.get("params") or {})
    if isinstance(params.get("seed"), int):
        params["seed"] = (params["seed"] + number) % SEEDS  # the same would draw the same picture again
    return NewJob(
        id=new_id(),
        model=job.model,
        prompt=job.prompt,
        request={**job.request, "n": None, "params": params},
        priority=job.priority,
        max_attempts=job.max_attempts,
        on_unknown=job.on_unknown,
        not_before=services.clock(),
        expires_at=job.expires_at,  # the task ends in time, with fewer pictures if need be
        retry=job.retry,
    )
