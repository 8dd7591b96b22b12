"""Resume jobs in state ``storing``: fetch images that are still remote, or poll for lost answers."""

from collections.abc import Sequence
from uuid import UUID

from models.queries.leases import LeasedJob
from models.states import JobStatus
from worker.pending_images import PendingAnswer
from worker.tasks.context import TaskContext, run_chunk
from worker.tasks.polling import LostCall
from worker.tasks.recovery import recover
from worker.tasks.store import store_images


async def resume_chunk(context: TaskContext, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Resume a chunk of jobs whose calls are paid."""
    await run_chunk(context, job_ids, lease, JobStatus.STORING, resume)


async def resume(context: TaskContext, job: LeasedJob) -> None:
    """Go on with one job, where its last worker stopped."""
    if lost_call := LostCall.of(job.answer):
        await recover(context, job, lost_call, shown=job.progress)
    else:
        await store_images(context, job, PendingAnswer.from_json(job.answer or {}), job.store_tries)
