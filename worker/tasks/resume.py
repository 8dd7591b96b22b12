"""The second stage of jobs that somebody called before: pictures to bring home, answers to ask for again."""

from collections.abc import Sequence
from uuid import UUID

from models.queries.leases import LeasedJob
from models.states import JobStatus
from worker.tasks.context import TaskContext, run_chunk
from worker.tasks.polling import LostCall
from worker.tasks.recovery import recover
from worker.tasks.store import store_images


async def resume_chunk(context: TaskContext, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Bring home what a chunk of jobs paid for."""
    await run_chunk(context, job_ids, lease, JobStatus.STORING, resume)


async def resume(context: TaskContext, job: LeasedJob) -> None:
    """Bring home what is still away, or go on asking for it."""
    if lost_call := LostCall.of(job.answer):
        await recover(context, job, lost_call, told=job.progress)
    else:
        await store_images(context, job, job.answer or {}, job.store_tries)
