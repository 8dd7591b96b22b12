"""Top-up: call for the missing images of a grid, where the provider has drawn fewer than ``n``."""

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Row

from models.ids import new_id
from models.midjourney.seeds import shift_seed
from models.queries.jobs import NewJob, insert_jobs
from models.queries.midjourney.completion import add_parts, release_claim
from models.queries.webhooks.deliveries import jobs_by_id
from models.states import JobStatus
from worker.metrics import job_metrics
from worker.services import WorkerServices

_log = structlog.get_logger()


async def top_up(services: WorkerServices, task: Row[Any], parts: Sequence[Any], images: int) -> bool:
    """Add one job for each missing image, if the task has one job with ``n``; return whether it did.

    Many providers accept ``n`` and still draw one image.
    """
    missing = task.request.get("wanted", 1) - images
    if len(parts) != 1 or missing < 1 or parts[0].status != JobStatus.SUCCEEDED:
        return False
    async with services.database.reading() as connection:
        first = (await jobs_by_id(connection, [parts[0].job_id]))[parts[0].job_id]
    if (first.request.get("n") or 1) < 2:
        return False
    at = services.clock()
    jobs = [_single_image_job(first, number, services) for number in range(1, missing + 1)]
    async with services.database.writing() as connection:
        if not await release_claim(connection, task.id):
            return False
        await insert_jobs(connection, jobs, caller_id=first.caller_id, surface=first.surface, at=at)
        job_metrics.submitted(connection, jobs, first.surface)
        await add_parts(connection, task.id, [job.id for job in jobs], first=1)
    _log.info(
        "the provider returned fewer pictures than n; the others are requested", task=task.id, missing=missing
    )
    return True


def _single_image_job(first: Row[Any], number: int, services: WorkerServices) -> NewJob:
    params = shift_seed(first.request.get("params") or {}, number)
    return NewJob(
        id=new_id(),
        model=first.model,
        prompt=first.prompt,
        request={**first.request, "n": None, "params": params},
        priority=first.priority,
        max_attempts=first.max_attempts,
        on_unknown=first.on_unknown,
        not_before=services.clock(),
        expires_at=first.expires_at,  # the task ends in time, with fewer images if need be
        retry=first.retry,
    )
