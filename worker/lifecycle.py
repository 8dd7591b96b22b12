"""The verbs of a job's life: each is one move with all that goes with it, committed together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import CallResult, JobError, Outcome
from models.queries.assets import NewAsset, insert_assets
from models.queries.attempts import (
    amend_attempts,
    delete_attempts,
    finish_attempts,
    insert_attempts,
    save_handles,
)
from models.queries.bulk import storable
from models.queries.leases import LeasedJob
from models.queries.transitions import Revisions, Transition, apply, lock_job
from models.states import CANCELLABLE, RETRYABLE, JobStatus

_FREE: Mapping[str, Any] = {"worker_id": None, "lease_token": None, "start_at": None}


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """A move, and the rows that come and go with it. What became of a call is noted in any case."""

    transition: Transition | None = None
    sent: Mapping[str, Any] | None = None  #: a new attempt
    noted: Mapping[str, Any] | None = None  #: by what an open attempt can be asked for again
    ended: Mapping[str, Any] | None = None  #: how an attempt ended; noted even if the move no longer holds,
    #: and then it also replaces what somebody else wrote who could only guess
    amended: Mapping[str, Any] | None = None  #: what became of an attempt whose end was unknown; the same
    assets: Sequence[NewAsset] = ()
    unsent: Mapping[str, Any] | None = None  #: an attempt of which nothing was sent: it has not happened

    def holds(self, revisions: Revisions) -> bool:
        """Tell whether its move was made; one without a move always holds."""
        return self.transition is None or revisions.has(self.transition)


async def commit(connection: AsyncConnection, changes: Sequence[JobUpdate]) -> Revisions:
    """Make the changes that still hold; return the new revision by job."""
    revisions = await apply(connection, [change.transition for change in changes if change.transition])
    held = [change for change in changes if change.holds(revisions)]
    await insert_attempts(connection, [change.sent for change in held if change.sent])
    await save_handles(connection, _latest(change.noted for change in changes))
    await finish_attempts(connection, [change.ended for change in changes if change.ended])
    late = [change.ended for change in changes if change.ended and not change.holds(revisions)]
    await amend_attempts(connection, [*late, *(change.amended for change in changes if change.amended)])
    await delete_attempts(connection, [change.unsent for change in held if change.unsent])
    await insert_assets(connection, [asset for change in held for asset in change.assets])
    return revisions


def _latest(rows: Iterable[Mapping[str, Any] | None]) -> Sequence[Mapping[str, Any]]:
    """Return the last row of each attempt."""
    return list({(row["job_id"], row["number"]): row for row in rows if row}.values())


def lease(
    job_id: UUID, *, lease_token: UUID, worker: UUID, channel: UUID, start_at: datetime, at: datetime
) -> Transition:
    """Promise a start to a worker."""
    changes = {
        "lease_token": lease_token,
        "worker_id": worker,
        "channel_id": channel,
        "leased_at": at,
        "start_at": start_at,
        "backing_off": False,
    }
    return Transition(job_id, JobStatus.QUEUED, JobStatus.LEASED, at, changes=changes)


def release_lease(job_id: UUID, lease_token: UUID | None, *, at: datetime, why: str) -> Transition:
    """Return a lease that was not used: nothing was sent, nothing is counted."""
    return Transition(
        job_id, JobStatus.LEASED, JobStatus.QUEUED, at, lease=lease_token, changes=_FREE, detail=why
    )


def release_job_lease(job: LeasedJob, *, at: datetime, why: str) -> JobUpdate:
    """Return a job's lease that was not used."""
    return JobUpdate(release_lease(job.id, job.lease_token, at=at, why=why))


def start(job: LeasedJob, *, worker: UUID, at: datetime) -> JobUpdate:
    """Note that the call leaves now. Committed before the first byte does."""
    sent = {
        "job_id": job.id,
        "number": job.next_number,
        "generation": job.generation,
        "channel": job.channel,
        "worker_id": worker,
        "sent_at": at,
        "billed": "unknown",
    }
    changes = {
        "attempts_used": job.attempts_used + 1,
        "started_at": job.started_at or at,
        "progress": 0,
        "error": None,
    }
    transition = Transition(
        job.id, JobStatus.LEASED, JobStatus.RUNNING, at, lease=job.lease_token, changes=changes
    )
    return JobUpdate(transition, sent=sent)


def undo_start(job: LeasedJob, *, at: datetime, why: str) -> JobUpdate:
    """Take a start back before anything was sent: no attempt was made."""
    changes = {**_FREE, "attempts_used": job.attempts_used, "started_at": job.started_at}
    transition = Transition(
        job.id, JobStatus.RUNNING, JobStatus.QUEUED, at, lease=job.lease_token, changes=changes, detail=why
    )
    return JobUpdate(transition, unsent={"job_id": job.id, "number": job.next_number})


def note_handles(job: LeasedJob, number: int, handles: Mapping[str, Any]) -> JobUpdate:
    """Note by what the call under way can be asked for again, should its answer get lost."""
    return JobUpdate(noted={"job_id": job.id, "number": number, "handles": handles})


def report_progress(
    job: LeasedJob, percent: int, *, at: datetime, here: JobStatus = JobStatus.RUNNING
) -> JobUpdate:
    """Show how far the provider says it is."""
    return JobUpdate(Transition(job.id, here, here, at, lease=job.lease_token, changes={"progress": percent}))


def begin_storing(
    job: LeasedJob, ended: Mapping[str, Any], answer: Mapping[str, Any], text: str, *, at: datetime
) -> JobUpdate:
    """Save an answer whose pictures are not home yet. The paid part is over."""
    changes = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    transition = Transition(
        job.id, JobStatus.RUNNING, JobStatus.STORING, at, lease=job.lease_token, changes=changes
    )
    return JobUpdate(transition, ended=ended)


def begin_recovery(
    job: LeasedJob,
    ended: Mapping[str, Any] | None,
    answer: Mapping[str, Any],
    *,
    at: datetime,
    why: str,
    text: str = "",
    release: bool = False,
) -> JobUpdate:
    """Ask for a lost answer again instead of paying again; with ``release``, whoever comes next does."""
    changes: dict[str, Any] = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    if release:
        changes |= {"worker_id": None, "lease_token": None, "not_before": at}
    transition = Transition(
        job.id, JobStatus.RUNNING, JobStatus.STORING, at, lease=job.lease_token, changes=changes, detail=why
    )
    return JobUpdate(transition, ended=ended)


def end_recovery(
    job: LeasedJob, amended: Mapping[str, Any], answer: Mapping[str, Any], *, at: datetime
) -> JobUpdate:
    """Save the pictures of an answer that was lost; they are not home yet."""
    here = JobStatus.STORING
    changes = {"answer": answer, "store_tries": 0}
    transition = Transition(
        job.id, here, here, at, lease=job.lease_token, changes=changes, detail="the picture was found"
    )
    return JobUpdate(transition, amended=amended)


def succeed(
    job: LeasedJob,
    leaving: JobStatus,
    assets: Sequence[NewAsset],
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
    text: str | None = None,
    note: str | None = None,
) -> JobUpdate:
    """Every picture (or, with ``note``, what could be had of them) is stored."""
    changes: dict[str, Any] = {**_FREE, "answer": None, "progress": 100, "finished_at": at, "error": None}
    if leaving is JobStatus.RUNNING:
        changes["text"] = storable(text or "") or None
    transition = Transition(
        job.id, leaving, JobStatus.SUCCEEDED, at, lease=job.lease_token, changes=changes, detail=note
    )
    return JobUpdate(transition, ended=ended, amended=amended, assets=assets)


def requeue(
    job: LeasedJob,
    *,
    after: timedelta,
    used: int,
    error: JobError,
    at: datetime,
    leaving: JobStatus = JobStatus.RUNNING,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
) -> JobUpdate:
    """Call again later; ``used`` attempts are used up."""
    changes = {
        **_FREE,
        "not_before": at + after,
        "backing_off": True,
        "avoid_channel_id": job.channel_id,
        "attempts_used": used,
        "progress": 0,
        "error": None,
        "answer": None,
    }
    detail = f"again in {after.total_seconds():.1f} s: {error.message}"
    transition = Transition(
        job.id, leaving, JobStatus.QUEUED, at, lease=job.lease_token, changes=changes, detail=detail
    )
    return JobUpdate(transition, ended=ended, amended=amended)


def hold(
    job: LeasedJob,
    *,
    error: JobError,
    at: datetime,
    leaving: JobStatus = JobStatus.RUNNING,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
) -> JobUpdate:
    """Wait for a person's decision."""
    changes = {**_FREE, "error": error.to_json(), "answer": None}
    detail = error.message
    transition = Transition(
        job.id, leaving, JobStatus.HELD, at, lease=job.lease_token, changes=changes, detail=detail
    )
    return JobUpdate(transition, ended=ended, amended=amended)


def fail(
    job: LeasedJob,
    leaving: JobStatus,
    error: JobError,
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
) -> JobUpdate:
    """End without a picture; the error says why and what to do."""
    changes = {**_FREE, "error": error.to_json(), "finished_at": at}
    transition = Transition(
        job.id, leaving, JobStatus.FAILED, at, lease=job.lease_token, changes=changes, detail=error.message
    )
    return JobUpdate(transition, ended=ended, amended=amended)


def postpone_storing(
    job: LeasedJob, answer: Mapping[str, Any] | None, *, after: timedelta, at: datetime, why: str, tries: int
) -> JobUpdate:
    """Bring the pictures home later; the call is not repeated."""
    changes = {
        "worker_id": None,
        "lease_token": None,
        "not_before": at + after,
        "store_tries": tries,
        "answer": answer,
    }
    here = JobStatus.STORING
    return JobUpdate(Transition(job.id, here, here, at, lease=job.lease_token, changes=changes, detail=why))


async def cancel_job(connection: AsyncConnection, job_id: UUID, *, at: datetime) -> bool:
    """Stop a job in any open state. The worker that has it in hand drops the call. False if it had ended."""
    job = await lock_job(connection, job_id)
    if job is None or (leaving := JobStatus(job.status)) not in CANCELLABLE:
        return False
    changes = {"lease_token": None, "finished_at": at, "answer": None}
    transition = Transition(
        job_id, leaving, JobStatus.CANCELLED, at, changes=changes, detail="cancelled by the caller"
    )
    return bool(await apply(connection, [transition]))


async def retry_job(connection: AsyncConnection, job_id: UUID, *, at: datetime) -> bool:
    """Start a new generation of a job that ended or is held. False if its state does not allow it."""
    job = await lock_job(connection, job_id)
    if job is None or (leaving := JobStatus(job.status)) not in RETRYABLE or job.worker_id is not None:
        return False
    changes = {
        **_FREE,
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
        "expires_at": job.expires_at if job.expires_at and job.expires_at > at else None,
    }
    transition = Transition(
        job_id, leaving, JobStatus.QUEUED, at, changes=changes, detail="started again", restart=True
    )
    return bool(await apply(connection, [transition]))


# The verbs of a person's decision about a job that nobody has in hand (its other verbs: ``lifecycle``).


def release_held(job: Row[Any], *, at: datetime) -> Transition:
    """Call a held job again, on purpose: at least once more, in the same generation."""
    changes = {
        "max_attempts": max(job.max_attempts, job.attempts_used + 1),
        "not_before": at,
        "backing_off": False,
        "progress": 0,
        "answer": None,
        "error": None,
        "expires_at": job.expires_at if job.expires_at and job.expires_at > at else None,
    }
    return Transition(
        job.id, JobStatus.HELD, JobStatus.QUEUED, at, changes=changes, detail="released: called again"
    )


def fail_held(job: Row[Any], reason: str, *, at: datetime) -> Transition:
    """End a held job without another call; its error keeps what it was held for."""
    error = job.error or {"code": "unknown", "message": ""}
    words = f"Given up by its caller{f': {storable(reason)}' if reason else ''}."
    changes = {"error": {**error, "message": f"{words} {error['message']}".strip()}, "finished_at": at}
    return Transition(job.id, JobStatus.HELD, JobStatus.FAILED, at, changes=changes, detail=words)


def reopen_for_storing(
    job: Row[Any], answer: Mapping[str, Any], text: str, number: int, *, at: datetime
) -> Transition:
    """Bring home the pictures that were found in the kept answer of call ``number``. Nothing is called."""
    changes = {
        "answer": answer,
        "text": job.text or storable(text) or None,
        "store_tries": 0,
        "not_before": at,
        "backing_off": False,
        "error": None,
        "finished_at": None,
    }
    why = f"pictures were found in the kept answer of call {number}; nothing is paid again"
    return Transition(
        job.id, JobStatus(job.status), JobStatus.STORING, at, changes=changes, detail=why, restart=True
    )


# How calls and failures are written down.


def ending(
    job_id: UUID, number: int, result: CallResult, *, at: datetime, request_id: str | None
) -> dict[str, Any]:
    """Describe how an attempt ended, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "finished_at": at,
        "outcome": result.outcome,
        "error_code": result.code,
        "http_status": result.provider_status,
        "provider_request_id": storable(request_id)[:200] if request_id else None,
        "provider_message": storable(result.provider_message)[:2000] if result.provider_message else None,
        "billed": result.billed,
    }


def amendment(job_id: UUID, number: int, result: CallResult) -> dict[str, Any]:
    """Describe what became of an attempt whose end was unknown, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "outcome": result.outcome,
        "error_code": result.code,
        "provider_message": storable(result.provider_message)[:2000] if result.provider_message else None,
        "billed": result.billed,
    }


def job_error(result: CallResult, *, retryable: bool, message: str | None = None) -> JobError:
    """Return the error of a job whose call failed; ``message`` replaces the result's own."""
    return JobError(
        code=result.code or "unknown",
        message=storable(message or result.message),
        outcome=result.outcome,
        retryable=retryable or result.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS),
        provider_status=result.provider_status,
        provider_message=storable(result.provider_message) if result.provider_message else None,
    )
