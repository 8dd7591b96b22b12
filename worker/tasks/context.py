"""What the tasks of one worker share."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from models.queries.leases import LeasedJob, leased_jobs
from models.states import JobStatus
from worker.group_commit import GroupCommit
from worker.in_flight import InFlightJobs
from worker.services import WorkerServices
from worker.tasks.input_images import InputImageCache


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The tools, the hand, and the one who writes."""

    services: WorkerServices
    in_flight: InFlightJobs
    group_commit: GroupCommit
    worker_id: UUID
    input_images: InputImageCache = field(
        default_factory=InputImageCache
    )  #: input pictures of jobs that missed their turn


# Working on a chunk of leased jobs at once.

_log = structlog.get_logger()
Work = Callable[[TaskContext, LeasedJob], Awaitable[None]]


async def run_chunk(
    context: TaskContext, job_ids: Sequence[UUID], lease_token: UUID, status: JobStatus, work: Work
) -> None:
    """Work on those of the jobs that are still under this lease; a doubled or late message finds none."""
    async with context.services.database.reading() as connection:
        jobs = await leased_jobs(connection, job_ids, lease_token, status)
    fresh = [job for job in jobs if context.in_flight.jobs.get(job.id) is None]
    for missing in set(job_ids) - {job.id for job in jobs}:
        context.in_flight.drop(missing)
    tasks = []
    for job in fresh:
        task = asyncio.create_task(_one(context, job, work), name=f"job {job.id}")
        context.in_flight.jobs[job.id] = task
        tasks.append(task)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _one(context: TaskContext, job: LeasedJob, work: Work) -> None:
    try:
        await work(context, job)
    except Exception:  # noqa: BLE001 - a task's edge: the sweep finds the job in hand without a task, and reclaims it
        _log.exception("working on a job failed; it is reclaimed", job=str(job.id))
    finally:
        context.in_flight.drop(job.id, asyncio.current_task())
