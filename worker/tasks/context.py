"""What the tasks of one worker share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from models.queries.leases import leased_jobs
from models.states import JobStatus
from worker.group_commit import Writer
from worker.in_flight import Hand
from worker.services import Tools
from worker.tasks.input_images import Brought


@dataclass(frozen=True, slots=True)
class Workbench:
    """The tools, the hand, and the one who writes."""

    tools: Tools
    hand: Hand
    writer: Writer
    worker_id: UUID
    brought: Brought = field(default_factory=Brought)  #: input pictures of jobs that missed their turn


# Working on a chunk of leased jobs at once.

_log = structlog.get_logger()
Work = Callable[[Workbench, Row[Any]], Awaitable[None]]


async def work_on(
    bench: Workbench, job_ids: Sequence[UUID], lease: UUID, status: JobStatus, work: Work
) -> None:
    """Work on those of the jobs that are still under this lease; a doubled or late message finds none."""
    async with bench.tools.database.reading() as connection:
        jobs = await leased_jobs(connection, job_ids, lease, status)
    fresh = [job for job in jobs if bench.hand.jobs.get(job.id) is None]
    for missing in set(job_ids) - {job.id for job in jobs}:
        bench.hand.drop(missing)
    tasks = []
    for job in fresh:
        task = asyncio.create_task(_one(bench, job, work), name=f"job {job.id}")
        bench.hand.jobs[job.id] = task
        tasks.append(task)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _one(bench: Workbench, job: Row[Any], work: Work) -> None:
    try:
        await work(bench, job)
    except Exception:  # noqa: BLE001 - a task's edge: the sweep finds the job in hand without a task, and reclaims it
        _log.exception("working on a job failed; it is reclaimed", job=str(job.id))
    finally:
        bench.hand.drop(job.id, asyncio.current_task())
