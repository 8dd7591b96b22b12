"""The second stage of jobs that somebody called before: pictures to bring home, answers to ask for again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.states import JobStatus
from worker.tasks.context import Workbench, work_on
from worker.tasks.polling import Lost
from worker.tasks.recovery import recover
from worker.tasks.store import bring


async def store(bench: Workbench, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Bring home what a chunk of jobs paid for."""
    await work_on(bench, job_ids, lease, JobStatus.STORING, resume)


async def resume(bench: Workbench, job: Row[Any]) -> None:
    """Bring home what is still away, or go on asking for it."""
    if lost := Lost.of(job.answer):
        await recover(bench, job, lost, told=job.progress)
    else:
        await bring(bench, job, job.answer, job.store_tries)
