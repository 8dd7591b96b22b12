"""Context of the tasks of one worker, and the loop that runs a chunk of leased jobs in it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from prometheus_client import Counter as MetricCounter

from models.errors import DarkroomError
from models.ids import public_id
from models.integrity.database_errors import is_transient
from models.queries.leases import LeasedJob, leased_jobs
from models.states import JobStatus
from worker.archive.writer import Archiver
from worker.group_commit import GroupCommit
from worker.in_flight import InFlightJobs
from worker.process.log_context import bind_log_context
from worker.services import WorkerServices
from worker.tasks.input_images import InputImageCache
from worker.unwritable import after_faults, after_unreadable
from worker.upstream.errors.own_text import OwnText

_log = structlog.get_logger()
_doubled = MetricCounter("darkroom_duplicate_deliveries", "Messages of jobs that are in flight here already")
_MOST_FAULTS = 3  # of the tasks of one job in one worker


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What the tasks of one worker share."""

    services: WorkerServices
    in_flight: InFlightJobs
    group_commit: GroupCommit
    archiver: Archiver
    worker_id: UUID
    input_images: InputImageCache = field(default_factory=InputImageCache)
    task_paths: dict[str, str] = field(default_factory=dict)  #: by channel, the one that last showed a task
    faults: Counter[UUID] = field(default_factory=Counter)  #: by job, how often its task failed by a defect


JobTask = Callable[[TaskContext, LeasedJob], Awaitable[None]]


async def run_chunk(
    context: TaskContext, job_ids: Sequence[UUID], lease_token: UUID, status: JobStatus, run: JobTask
) -> None:
    """Run a task for each of the jobs that is still under this lease; returns when all have ended.

    A message may come late or twice: jobs under another lease, or in flight here already, are left out.
    """
    async with context.services.database.reading() as connection:
        jobs = await leased_jobs(connection, job_ids, lease_token, status)
    fresh = [job for job in jobs if context.in_flight.jobs.get(job.id) is None]
    if doubled := len(jobs) - len(fresh):
        _doubled.inc(doubled)
    for missing in set(job_ids) - {job.id for job in jobs}:
        context.in_flight.drop(missing)
    for unreadable in jobs.unreadable:
        if update := after_unreadable(unreadable, context.services.clock()):
            context.group_commit.post(update)
    tasks = []
    for job in fresh:
        task = asyncio.create_task(_run(context, job, status, run), name=f"job {job.id}")
        context.in_flight.jobs[job.id] = task
        tasks.append(task)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run(context: TaskContext, job: LeasedJob, status: JobStatus, run: JobTask) -> None:
    bind_log_context(
        OwnText({"prompt": job.prompt, "request": job.request}),
        job=public_id("job", job.id),
        attempt=job.next_number if status is JobStatus.LEASED else job.next_number - 1,
        channel=job.channel,
        caller=public_id("caller", job.caller_id),
        request_id=job.request_id,
    )
    try:
        await run(context, job)
        context.faults.pop(job.id, None)
    except Exception as error:  # noqa: BLE001 - edge of a task: the sweep finds its job without a task, and reclaims it
        _log.exception("working on a job failed; it is reclaimed", job=public_id("job", job.id))
        if not isinstance(error, DarkroomError) and not is_transient(error):
            await _count_fault(context, job, status)
    finally:
        context.in_flight.drop(job.id, asyncio.current_task())


async def _count_fault(context: TaskContext, job: LeasedJob, status: JobStatus) -> None:
    """End a job at which tasks of this worker failed too often: leased again, it would take others' turns."""
    context.faults[job.id] += 1
    if context.faults[job.id] >= _MOST_FAULTS:
        faults = context.faults.pop(job.id)
        await context.group_commit.write(after_faults(job, status, faults, context.services.clock()))
