"""Resume jobs in state ``storing``: fetch images that are still remote, or poll for lost answers."""

from collections.abc import Sequence
from uuid import UUID

from models.queries.leases import LeasedJob, UnreadableJob
from models.states import JobStatus
from worker.pending_images import PendingAnswer
from worker.tasks.context import TaskContext, run_chunk
from worker.tasks.polling import LostCall
from worker.tasks.recovery import recover
from worker.tasks.store import store_images
from worker.unwritable import after_unreadable


async def resume_chunk(context: TaskContext, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Resume a chunk of jobs whose calls are paid."""
    await run_chunk(context, job_ids, lease, JobStatus.STORING, resume)


async def resume(context: TaskContext, job: LeasedJob) -> None:
    """Go on with one job, where its last worker stopped."""
    saved = _saved_answer(job)
    if isinstance(saved, LostCall):
        await recover(context, job, saved, shown=job.progress)
    elif isinstance(saved, PendingAnswer):
        await store_images(context, job, saved, job.store_tries)
    elif update := after_unreadable(saved, context.services.clock()):
        await context.group_commit.write(update)


def _saved_answer(job: LeasedJob) -> LostCall | PendingAnswer | UnreadableJob:
    """Return what the job's row keeps of its answer."""
    try:
        return LostCall.of(job.answer) or PendingAnswer.from_json(job.answer or {})
    except (TypeError, KeyError, ValueError, AttributeError):  # no version saves such an answer
        problem = "answer has another form than an answer is saved in"
        return UnreadableJob(job.id, job.status, job.lease_token, problem)
