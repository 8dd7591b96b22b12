"""Reaper: deletes dead workers, and reclaims the jobs that were leased to them."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import public_id
from models.integrity.database_errors import is_transient
from models.queries.attempts import AttemptRecord, earlier_results, open_attempt
from models.queries.leases import LeasedJob, LeasedJobs, UnreadableJob, leased_to, release_worker
from models.queries.workers import dead_workers, delete_worker, unknown_workers
from models.retry.decision import AttemptCount, decide
from models.retry.resolve import Policies
from models.states import JobStatus
from worker.lifecycle import (
    JobUpdate,
    after_decision,
    begin_recovery,
    postpone_storing,
    release_lease,
)
from worker.maintenance.process_locks import ProcessLocks
from worker.metrics.upkeep_metrics import Repair, repaired
from worker.services import WorkerServices
from worker.tasks.polling import WORKER_LOST, LostCall
from worker.unwritable import after_unreadable, commit_separately, problem_of
from worker.upstream.handles import Handles

DeleteQueue = Callable[[UUID], Awaitable[None]]  #: deletes the queue of a worker
_NO_CALL = 2**15 - 1  # a number above those of all calls
_log = structlog.get_logger()


class Reaper:
    """Reaps workers without a heartbeat, and jobs leased to workers that have no row."""

    def __init__(
        self, services: WorkerServices, worker_id: UUID, delete_queue: DeleteQueue, locks: ProcessLocks
    ) -> None:
        self._services, self._worker_id, self._delete_queue = services, worker_id, delete_queue
        self._locks = locks
        self._timeout = timedelta(seconds=services.settings.worker_timeout)
        self._last_heartbeat = self._steady_since = services.clock()

    def note_heartbeat(self, now: datetime) -> None:
        """Note this worker's own heartbeat: the reaper only acts while these come without a gap.

        After an outage of the database all heartbeats are old. The worker that is back first must not reap
        the others: they are calling providers, or hold results to write. So it waits for as long as a worker
        may be silent, in which the others can be seen to beat.
        """
        if now - self._last_heartbeat > self._timeout / 2:
            self._steady_since = now
        self._last_heartbeat = now

    async def reap(self, now: datetime) -> None:
        """Reap every dead worker, unless this worker's own heartbeats had a gap within the timeout."""
        if now - self._steady_since < self._timeout:
            return
        async with self._services.database.reading() as connection:
            dead = await dead_workers(connection, now - self._timeout)
            unknown = await unknown_workers(connection)
        for worker_id in (*dead, *unknown):
            if worker_id != self._worker_id:
                await self._reap_worker(worker_id, now, silent_since=now - self._timeout)

    async def reap_ended(self, now: datetime) -> None:
        """Reap at once the workers whose process on this machine has provably ended."""
        for worker_id in [*self._locks.ended()]:
            await self._reap_worker(worker_id, now)
            self._locks.forget(worker_id)

    async def _reap_worker(
        self, worker_id: UUID, now: datetime, *, silent_since: datetime | None = None
    ) -> None:
        async with self._services.database.writing() as connection:
            deleted = await delete_worker(connection, worker_id, silent_since)
            if not deleted and worker_id not in await unknown_workers(connection):
                return  # it has beaten meanwhile
            jobs = await leased_to(connection, worker_id)
            await reclaim(connection, jobs, worker_id, self._services.policies, now)
        await self._delete_queue(worker_id)
        repaired(Repair.STUCK_RUNNING, len(jobs))
        _log.warning("a worker was lost; its jobs are reclaimed", worker=str(worker_id), jobs=len(jobs))


async def reclaim(
    connection: AsyncConnection, jobs: LeasedJobs, worker_id: UUID, policies: Policies, at: datetime
) -> None:
    """Reclaim jobs of a dead worker, by their state.

    A lease is released, a running call is recovered or follows the job's policy for unknown outcomes, and
    a job in state storing goes to another worker.
    """
    changes, finished = [], []
    for job in jobs:
        change = await _change_or_end(connection, job, policies, at)
        if change is not None:
            changes.append(change)
        if change is None or change.transition is None:  # a cancelled job: it only leaves its worker
            finished.append(job.id)
    for unreadable in jobs.unreadable:
        if end := after_unreadable(unreadable, at):
            changes.append(end)
        else:
            finished.append(unreadable.id)
    await commit_separately(connection, changes)
    if finished:
        await release_worker(connection, finished, worker_id)


async def _change_or_end(
    connection: AsyncConnection, job: LeasedJob, policies: Policies, at: datetime
) -> JobUpdate | None:
    """Return what becomes of a job; one whose rows can't be understood ends with the reason."""
    try:
        return await _change(connection, job, policies, at)
    except Exception as error:
        if is_transient(error):
            raise
        _log.exception("a job could not be reclaimed; it ends", job=public_id("job", job.id))
        return after_unreadable(UnreadableJob(job.id, job.status, job.lease_token, problem_of(error)), at)


async def _change(
    connection: AsyncConnection, job: LeasedJob, policies: Policies, at: datetime
) -> JobUpdate | None:
    match job.status:
        case JobStatus.LEASED:
            return release_lease(job.id, job.lease_token, at=at, why="its worker was lost; nothing was sent")
        case JobStatus.STORING:
            why = "its worker was lost; another one stores the images"
            return postpone_storing(job, job.answer, after=timedelta(), at=at, why=why, tries=job.store_tries)
        case JobStatus.RUNNING:
            return await _lost_call(connection, job, policies, at)
        case JobStatus.CANCELLED:  # while its call was in flight
            record = await _lost_record(connection, job, at)
            return JobUpdate(record=record) if record else None
    return None


async def _lost_record(connection: AsyncConnection, job: LeasedJob, at: datetime) -> AttemptRecord | None:
    """Return the record of a job's call in flight, lost with its worker; ``None`` if there is none."""
    attempt = await open_attempt(connection, job)
    return AttemptRecord.of(job.id, attempt.number, WORKER_LOST, finished_at=at) if attempt else None


async def _lost_call(
    connection: AsyncConnection, job: LeasedJob, policies: Policies, at: datetime
) -> JobUpdate:
    attempt = await open_attempt(connection, job)
    record = AttemptRecord.of(job.id, attempt.number, WORKER_LOST, finished_at=at) if attempt else None
    if attempt and (handles := Handles.from_json(attempt.handles)).recoverable:
        lost_call = LostCall(handles, attempt.number, job.attempts_used, at, WORKER_LOST)
        return begin_recovery(job, record, lost_call.to_json(), at=at, why=lost_call.why, release=True)
    number = attempt.number if attempt else _NO_CALL
    before = await earlier_results(connection, job.id, job.generation, number)
    decision = decide(
        WORKER_LOST,
        AttemptCount.after(WORKER_LOST, before, counted=job.attempts_used, allowed=job.max_attempts),
        on_unknown=job.on_unknown,
        jitter=random.random,
        policy=policies.of(job),
    )
    return after_decision(job, decision, WORKER_LOST, at=at, record=record)
