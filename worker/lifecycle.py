"""Every job transition, each as one update with its attempt, assets and event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.driver.statement_batch import StatementBatch
from models.errors import Conflict
from models.money.money import Money
from models.operations.erased_prompts import is_erased
from models.outcomes import CallResult, JobError, Outcome
from models.queries.assets import NewAsset, insert_assets, number_generations
from models.queries.attempts import (
    AttemptHandles,
    AttemptRecord,
    AttemptResponse,
    NewAttempt,
    amend_attempts,
    delete_attempts,
    finish_attempts,
    insert_attempts,
    save_handles,
    save_responses,
    settle_decided,
)
from models.queries.bulk import storable
from models.queries.leases import LeasedJob
from models.queries.transitions import Revisions, Transition, apply, lock_job
from models.request import image_count
from models.retry.decision import Decision, GiveUp, Hold, Retry
from models.states import CANCELLABLE, RETRYABLE, JobStatus, can_transition
from worker.metrics import job_metrics
from worker.money.budgets import BudgetedStart, admit

_UNLEASED: Mapping[str, Any] = {"worker_id": None, "lease_token": None, "start_at": None}


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """A transition, and the rows that are written with it.

    ``handles`` and ``record`` are written even if the transition no longer holds: what became of a call is
    never lost. Then ``record`` also replaces an unknown outcome that the reaper wrote meanwhile.
    """

    transition: Transition | None = None
    sent: NewAttempt | None = None
    unsent: tuple[UUID, int] | None = None  #: job and number of an attempt of which nothing was sent
    handles: AttemptHandles | None = None
    record: AttemptRecord | None = None
    response: AttemptResponse | None = None
    assets: Sequence[NewAsset] = ()
    budgeted: BudgetedStart | None = None  #: a call whose caller or campaign has a budget

    def holds(self, revisions: Revisions) -> bool:
        """Return whether its transition was made; an update without one always holds."""
        return self.transition is None or id(self.transition) in revisions.made


async def commit(connection: AsyncConnection, updates: Sequence[JobUpdate]) -> Revisions:
    """Write the updates whose transitions hold; return the new revision by job.

    A call for which a budget has no room does not start: its lease is released instead.
    """
    updates = await _admit(connection, updates)
    revisions = await apply(connection, [update.transition for update in updates if update.transition])
    held = [update for update in updates if update.holds(revisions)]
    late = {id(update) for update in updates if not update.holds(revisions)}
    records = [(update, update.record) for update in updates if update.record]
    amended = [record for update, record in records if record.finished_at is None or id(update) in late]
    stored = [asset for update in held for asset in update.assets]
    latest = {(each.job_id, each.number): each for update in updates if (each := update.handles)}
    batch = StatementBatch(connection)
    await insert_attempts(batch, [update.sent for update in held if update.sent])
    await save_handles(batch, list(latest.values()))
    await finish_attempts(batch, [record for _, record in records if record.finished_at is not None])
    await save_responses(batch, [update.response for update in updates if update.response])
    await insert_assets(batch, stored)
    await batch.run()
    if amended:
        await amend_attempts(connection, amended)
    if unsent := [update.unsent for update in held if update.unsent]:
        await delete_attempts(connection, unsent)
    job_metrics.committed(connection, revisions.transitions, stored)
    transitions = [update.transition for update in held]
    if decided := [each.job_id for each in transitions if _is_decision(each)]:
        await settle_decided(connection, decided)
    return revisions


async def _admit(connection: AsyncConnection, updates: Sequence[JobUpdate]) -> Sequence[JobUpdate]:
    """Replace the starts of calls for which a budget has no room."""
    starts = {update.budgeted.job_id: update for update in updates if update.budgeted}
    if not starts:
        return updates
    at = max(update.transition.at for update in starts.values() if update.transition)
    refused = await admit(connection, [each.budgeted for each in starts.values() if each.budgeted], at)
    if not refused:
        return updates

    def allowed(update: JobUpdate) -> JobUpdate:
        start, transition = update.budgeted, update.transition
        if start is None or transition is None or (why := refused.get(start.job_id)) is None:
            return update
        return release_lease(start.job_id, transition.lease, at=transition.at, why=f"nothing was sent: {why}")

    return [allowed(update) for update in updates]


def _is_decision(transition: Transition | None) -> TypeGuard[Transition]:
    """Return whether a person, or a rule in its place, has decided about a held job."""
    return (
        transition is not None
        and transition.leaving is JobStatus.HELD
        and transition.entering not in (JobStatus.HELD, JobStatus.STORING)
    )


def _transition(
    job: LeasedJob,
    leaving: JobStatus,
    entering: JobStatus,
    at: datetime,
    changes: Mapping[str, Any],
    detail: str | None = None,
) -> Transition:
    """Return a transition that holds only while the job is under its lease."""
    return Transition(job.id, leaving, entering, at, lease=job.lease_token, changes=changes, detail=detail)


# Before the call.


def lease(
    job_id: UUID, *, lease_token: UUID, worker: UUID, channel: UUID, start_at: datetime, at: datetime
) -> JobUpdate:
    """Lease a queued job to a worker, which may start it at ``start_at``."""
    changes = {
        "lease_token": lease_token,
        "worker_id": worker,
        "channel_id": channel,
        "leased_at": at,
        "start_at": start_at,
        "backing_off": False,
    }
    return JobUpdate(Transition(job_id, JobStatus.QUEUED, JobStatus.LEASED, at, changes=changes))


def release_lease(job_id: UUID, lease_token: UUID | None, *, at: datetime, why: str) -> JobUpdate:
    """Return a lease that was not used: nothing was sent, nothing is counted."""
    leaving, entering = JobStatus.LEASED, JobStatus.QUEUED
    return JobUpdate(
        Transition(job_id, leaving, entering, at, lease=lease_token, changes=_UNLEASED, detail=why)
    )


def start(
    job: LeasedJob,
    *,
    worker: UUID,
    at: datetime,
    reserved: Money | None = None,
    price_version: str | None = None,
    routing: str | None = None,
) -> JobUpdate:
    """Insert the attempt whose call leaves now. Committed before its first byte is sent.

    ``reserved`` is what it may cost; ``None``: its price is not known. ``routing``: why it goes to its
    channel.
    """
    sent = NewAttempt(
        job_id=job.id,
        number=job.next_number,
        generation=job.generation,
        channel=job.channel,
        worker_id=worker,
        sent_at=at,
        reserved_micro=reserved.micro if reserved else None,
        currency=reserved.currency if reserved else None,
        price_version=price_version,
        routing=routing,
    )
    changes = {
        "attempts_used": running(job).attempts_used,
        "started_at": job.started_at or at,
        "progress": 0,
        "error": None,
    }
    budgeted = None
    if job.budgeted:
        budgeted = BudgetedStart(
            job_id=job.id,
            caller_id=job.caller_id,
            campaign=job.campaign,
            model=job.model,
            channel=job.channel,
            reserved=reserved,
        )
    transition = _transition(job, JobStatus.LEASED, JobStatus.RUNNING, at, changes)
    return JobUpdate(transition, sent=sent, budgeted=budgeted)


def running(job: LeasedJob) -> LeasedJob:
    """Return a leased job as it is after its start."""
    return replace(job, status=JobStatus.RUNNING, attempts_used=job.attempts_used + 1)


def undo_start(job: LeasedJob, *, at: datetime, why: str) -> JobUpdate:
    """Take a start back before anything was sent: no attempt was made. ``job`` is the leased one."""
    changes = {**_UNLEASED, "attempts_used": job.attempts_used, "started_at": job.started_at}
    transition = _transition(job, JobStatus.RUNNING, JobStatus.QUEUED, at, changes, why)
    return JobUpdate(transition, unsent=(job.id, job.next_number))


# During the call.


def note_handles(job: LeasedJob, handles: Mapping[str, Any]) -> JobUpdate:
    """Save what the provider can be polled with, should the answer of the call in flight get lost."""
    return JobUpdate(handles=AttemptHandles(job_id=job.id, number=job.next_number, handles=handles))


def report_progress(job: LeasedJob, percent: int, *, at: datetime) -> JobUpdate:
    """Write the provider's progress."""
    return JobUpdate(_transition(job, job.status, job.status, at, {"progress": percent}))


# After the call: storing and recovery.


def begin_storing(
    job: LeasedJob, record: AttemptRecord, answer: Mapping[str, Any], text: str, *, at: datetime
) -> JobUpdate:
    """Save an answer whose images are not stored yet. From here on nothing is paid."""
    changes = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    return JobUpdate(_transition(job, JobStatus.RUNNING, JobStatus.STORING, at, changes), record=record)


def storing(job: LeasedJob) -> LeasedJob:
    """Return a running job as it is after ``begin_storing`` or ``begin_recovery``."""
    return replace(job, status=JobStatus.STORING)


def begin_recovery(
    job: LeasedJob,
    record: AttemptRecord | None,
    answer: Mapping[str, Any],
    *,
    at: datetime,
    why: str,
    text: str = "",
    release: bool = False,
) -> JobUpdate:
    """Poll for a lost answer instead of paying again; with ``release``, the next free worker does."""
    changes: dict[str, Any] = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    if release:
        changes |= {"worker_id": None, "lease_token": None, "not_before": at}
    return JobUpdate(_transition(job, JobStatus.RUNNING, JobStatus.STORING, at, changes, why), record=record)


def end_recovery(
    job: LeasedJob, record: AttemptRecord, answer: Mapping[str, Any], *, at: datetime
) -> JobUpdate:
    """Save the images of an answer that was lost; they are not stored yet."""
    here, changes = JobStatus.STORING, {"answer": answer, "store_tries": 0}
    return JobUpdate(_transition(job, here, here, at, changes, "the picture was found"), record=record)


def postpone_storing(
    job: LeasedJob, answer: Mapping[str, Any] | None, *, after: timedelta, at: datetime, why: str, tries: int
) -> JobUpdate:
    """Store the images later, on any worker; the call is not repeated."""
    changes = {
        "worker_id": None,
        "lease_token": None,
        "not_before": at + after,
        "store_tries": tries,
        "answer": answer,
    }
    return JobUpdate(_transition(job, JobStatus.STORING, JobStatus.STORING, at, changes, why))


def note_response(job: LeasedJob, raw_key: str) -> JobUpdate:
    """Save where the raw response of a call is archived, whatever became of its job meanwhile."""
    return JobUpdate(response=AttemptResponse(job_id=job.id, number=job.next_number, raw_key=raw_key))


# The end of a job, or of an attempt.


def succeed(
    job: LeasedJob,
    assets: Sequence[NewAsset],
    *,
    at: datetime,
    record: AttemptRecord | None = None,
    text: str | None = None,
    note: str | None = None,
) -> JobUpdate:
    """End with every image stored or, with ``note``, with those that could be fetched."""
    changes: dict[str, Any] = {
        **_UNLEASED,
        "answer": None,
        "progress": 100,
        "finished_at": at,
        "error": None,
    }
    if text is not None:
        changes["text"] = storable(text) or None
    transition = _transition(job, job.status, JobStatus.SUCCEEDED, at, changes, note)
    return JobUpdate(transition, record=record, assets=assets)


def call_for_more(job: LeasedJob, assets: Sequence[NewAsset], *, at: datetime) -> JobUpdate:
    """Queue a job whose call made some of its images: each of the others is made by a call of its own.

    A call that succeeded uses up no attempt: ``max_attempts`` bounds those that fail.
    """
    stored, wanted = job.stored + len(assets), image_count(job.request.get("n"))
    changes = {
        **_UNLEASED,
        "not_before": at,
        "backing_off": False,
        "attempts_used": job.attempts_used - 1,
        "progress": 100 * stored // wanted,
        "answer": None,
        "error": None,
        "store_tries": 0,
    }
    detail = f"{stored} of {wanted} pictures are ready; the next one is called for"
    transition = _transition(job, job.status, JobStatus.QUEUED, at, changes, detail)
    return JobUpdate(transition, assets=assets)


def after_decision(
    job: LeasedJob, decision: Decision, result: CallResult, *, at: datetime, record: AttemptRecord | None
) -> JobUpdate:
    """Requeue, hold or fail a job after a call without an image, as was decided."""
    match decision:
        case Retry(after, counts):
            used = job.attempts_used if counts else job.attempts_used - 1
            return requeue(job, after=after, used=used, why=result.message, at=at, record=record)
        case Hold():
            message = f"{result.message} Look at the provider's call log, then release the job or fail it."
            return hold(job, job_error(result, retryable=True, message=message), at=at, record=record)
        case GiveUp(reason):
            message = f"{result.message} No further call is made: {reason}."
            return fail(job, job_error(result, retryable=False, message=message), at=at, record=record)


def job_error(result: CallResult, *, retryable: bool, message: str) -> JobError:
    """Return the error of a job whose call failed."""
    return JobError(
        code=result.code or "unknown",
        message=storable(message),
        outcome=result.outcome,
        retryable=retryable or result.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS),
        provider_status=result.provider_status,
        provider_message=storable(result.provider_message) if result.provider_message else None,
    )


def requeue(
    job: LeasedJob, *, after: timedelta, used: int, why: str, at: datetime, record: AttemptRecord | None
) -> JobUpdate:
    """Call again later; ``used`` attempts are used up."""
    changes = {
        **_UNLEASED,
        "not_before": at + after,
        "backing_off": True,
        "avoid_channel_id": job.channel_id,
        "attempts_used": used,
        "progress": 0,
        "error": None,
        "answer": None,
    }
    detail = f"again in {after.total_seconds():.1f} s: {why}"
    return JobUpdate(_transition(job, job.status, JobStatus.QUEUED, at, changes, detail), record=record)


def hold(job: LeasedJob, error: JobError, *, at: datetime, record: AttemptRecord | None = None) -> JobUpdate:
    """Wait for a person's decision."""
    changes = {**_UNLEASED, "error": error.to_json(), "answer": None}
    return JobUpdate(_transition(job, job.status, JobStatus.HELD, at, changes, error.message), record=record)


def fail(job: LeasedJob, error: JobError, *, at: datetime, record: AttemptRecord | None = None) -> JobUpdate:
    """End without an image; the error says why and what to do. Images of earlier calls make it a success."""
    if job.stored and can_transition(job.status, JobStatus.SUCCEEDED):
        note = f"{job.stored} of {image_count(job.request.get('n'))} pictures: {error.message}"
        return succeed(job, [], at=at, record=record, note=note)
    changes = {**_UNLEASED, "error": error.to_json(), "finished_at": at}
    return JobUpdate(
        _transition(job, job.status, JobStatus.FAILED, at, changes, error.message), record=record
    )


def set_aside(transition: Transition, error: JobError, *, hold: bool) -> JobUpdate:
    """End or hold a job whose ``transition`` can't be written, or whose row can't be read."""
    changes: dict[str, Any] = {**_UNLEASED, "error": error.to_json(), "answer": None}
    changes |= {} if hold else {"finished_at": transition.at}
    entering = JobStatus.HELD if hold else JobStatus.FAILED
    instead = replace(transition, entering=entering, changes=changes, detail=error.message)
    return JobUpdate(instead)


# Jobs without a lease: expiry, and decisions of callers. ``job`` is a row that the transaction has locked.


def expire(job: Row[Any], error: JobError, *, at: datetime) -> JobUpdate:
    """End a queued job that could not start in time."""
    changes = {"error": error.to_json(), "finished_at": at}
    leaving, entering = JobStatus.QUEUED, JobStatus.EXPIRED
    return JobUpdate(Transition(job.id, leaving, entering, at, changes=changes, detail=error.message))


def release_held(job: Row[Any], *, at: datetime) -> JobUpdate:
    """Call a held job again: at least once more, in the same generation."""
    changes = {
        "max_attempts": max(job.max_attempts, job.attempts_used + 1),
        "not_before": at,
        "backing_off": False,
        "progress": 0,
        "answer": None,
        "error": None,
        "expires_at": _deadline(job, at),
    }
    leaving, entering, detail = JobStatus.HELD, JobStatus.QUEUED, "released: called again"
    return JobUpdate(Transition(job.id, leaving, entering, at, changes=changes, detail=detail))


def fail_held(job: Row[Any], reason: str, *, at: datetime, by: str = "its caller") -> JobUpdate:
    """End a held job without another call; its error keeps what it was held for."""
    error = job.error if isinstance(job.error, dict) else {"code": "unknown", "message": ""}
    words = f"Given up by {by}{f': {storable(reason)}' if reason else ''}."
    changes = {
        "error": {**error, "message": f"{words} {error.get('message', '')}".strip()},
        "finished_at": at,
    }
    return JobUpdate(Transition(job.id, JobStatus.HELD, JobStatus.FAILED, at, changes=changes, detail=words))


def reopen_for_storing(
    job: Row[Any], answer: Mapping[str, Any], text: str, number: int, *, at: datetime
) -> JobUpdate:
    """Store images that were found in the archived response of attempt ``number``, without a call."""
    changes = {
        "answer": answer,
        "text": job.text or storable(text) or None,
        "store_tries": 0,
        "not_before": at,
        "backing_off": False,
        "error": None,
        "finished_at": None,
    }
    leaving, entering = JobStatus(job.status), JobStatus.STORING
    why = f"pictures were found in the kept answer of call {number}; nothing is paid again"
    return JobUpdate(Transition(job.id, leaving, entering, at, changes=changes, detail=why, restart=True))


async def cancel_job(
    connection: AsyncConnection, job_id: UUID, *, at: datetime, by: str = "the caller"
) -> bool:
    """Cancel a job in any open state; its worker drops the call. Return ``False`` if it had ended."""
    job = await lock_job(connection, job_id)
    if job is None or job.status not in CANCELLABLE:
        return False
    return bool(await commit(connection, [cancel(job, at=at, why=f"cancelled by {by}")]))


async def cancel_unsent(connection: AsyncConnection, job_id: UUID, error: JobError, *, at: datetime) -> bool:
    """Cancel a queued job for what its error says. Return ``False`` if it is not queued any more."""
    job = await lock_job(connection, job_id)
    if job is None or job.status != JobStatus.QUEUED:
        return False
    return bool(await commit(connection, [cancel(job, at=at, why=error.message, error=error)]))


async def cancel_queued(
    connection: AsyncConnection, queued: Sequence[Row[Any]], *, at: datetime, why: str
) -> None:
    """Cancel queued jobs that this transaction has locked."""
    await commit(connection, [cancel(job, at=at, why=why) for job in queued])


def cancel(job: Row[Any], *, at: datetime, why: str, error: JobError | None = None) -> JobUpdate:
    """End a job in any open state; its worker drops the call."""
    changes: dict[str, Any] = {"lease_token": None, "finished_at": at, "answer": None}
    changes |= {"error": error.to_json()} if error else {}
    leaving, entering = JobStatus(job.status), JobStatus.CANCELLED
    return JobUpdate(Transition(job.id, leaving, entering, at, changes=changes, detail=why))


async def retry_job(connection: AsyncConnection, job_id: UUID, *, at: datetime) -> bool:
    """Start a new generation of a job that ended or is held. Return ``False`` if its state forbids it.

    Raises ``Conflict`` if its prompt was erased.
    """
    job = await lock_job(connection, job_id)
    if job is None or job.status not in RETRYABLE or job.worker_id is not None:
        return False
    if is_erased(job.request):
        raise Conflict("The prompt of this job was erased (retention of prompts); submit a new job.")
    return bool(await retry_all(connection, [job], at=at))


async def retry_all(connection: AsyncConnection, rows: Sequence[Row[Any]], *, at: datetime) -> Revisions:
    """Start new generations of jobs that ended or are held, and that no worker has.

    Images of former generations stay, apart from those of the new one.
    """
    await number_generations(connection, [job.id for job in rows])
    return await commit(connection, [retry(job, at=at) for job in rows])


def retry(job: Row[Any], *, at: datetime) -> JobUpdate:
    """Start a new generation of a job that ended or is held."""
    changes = {
        **_UNLEASED,
        "generation": job.generation + 1,
        "attempts_used": 0,
        "store_tries": 0,
        "not_before": at,
        "backing_off": False,
        "progress": 0,
        "answer": None,
        "text": None,
        "error": None,
        "started_at": None,
        "finished_at": None,
        "expires_at": _deadline(job, at),
    }
    leaving, entering, detail = JobStatus(job.status), JobStatus.QUEUED, "started again"
    return JobUpdate(Transition(job.id, leaving, entering, at, changes=changes, detail=detail, restart=True))


def _deadline(job: Row[Any], at: datetime) -> datetime | None:
    """Return a job's deadline for its next start; one that has passed does not count any more."""
    return job.expires_at if isinstance(job.expires_at, datetime) and job.expires_at > at else None
