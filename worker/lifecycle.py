"""The verbs of a job's life: each is one move with all that goes with it, committed together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.attempts import finish_attempts, insert_attempts
from models.queries.moves import Move, apply, lock_job
from models.queries.pictures import insert_assets
from models.queries.rows import storable
from models.states import CANCELLABLE, RETRYABLE, JobStatus
from models.verdicts import Outcome, Verdict

_FREE: Mapping[str, Any] = {"worker_id": None, "lease_token": None, "start_at": None}


@dataclass(frozen=True, slots=True)
class Change:
    """A move, and the rows that come and go with it."""

    move: Move
    sent: Mapping[str, Any] | None = None  #: a new attempt
    ended: Mapping[str, Any] | None = None  #: how an attempt ended; noted even if the move no longer holds
    assets: Sequence[Mapping[str, Any]] = ()


async def commit(connection: AsyncConnection, changes: Sequence[Change]) -> dict[UUID, int]:
    """Make the changes that still hold; return the new revision by job."""
    revisions = await apply(connection, [change.move for change in changes])
    held = [change for change in changes if change.move.job_id in revisions]
    await insert_attempts(connection, [change.sent for change in held if change.sent])
    await finish_attempts(connection, [change.ended for change in changes if change.ended])
    await insert_assets(connection, [asset for change in held for asset in change.assets])
    return revisions


def leased(
    job_id: UUID, *, lease: UUID, worker: UUID, channel: UUID, start_at: datetime, at: datetime
) -> Move:
    """Promise a start to a worker."""
    changes = {
        "lease_token": lease,
        "worker_id": worker,
        "channel_id": channel,
        "leased_at": at,
        "start_at": start_at,
        "backing_off": False,
    }
    return Move(job_id, JobStatus.QUEUED, JobStatus.LEASED, at, changes=changes)


def returned(job_id: UUID, lease: UUID, *, at: datetime, why: str) -> Move:
    """Return a lease that was not used: nothing was sent, nothing is counted."""
    return Move(job_id, JobStatus.LEASED, JobStatus.QUEUED, at, lease=lease, changes=_FREE, detail=why)


def handed_back(job: Row[Any], *, at: datetime, why: str) -> Change:
    """Return a job's lease that was not used."""
    return Change(returned(job.id, job.lease_token, at=at, why=why))


def started(job: Row[Any], *, channel: str, worker: UUID, at: datetime) -> Change:
    """Note that the call leaves now. Committed before the first byte does."""
    sent = {
        "job_id": job.id,
        "number": job.next_number,
        "generation": job.generation,
        "channel": channel,
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
    move = Move(job.id, JobStatus.LEASED, JobStatus.RUNNING, at, lease=job.lease_token, changes=changes)
    return Change(move, sent=sent)


def progressed(job: Row[Any], percent: int, *, at: datetime) -> Change:
    """Show how far the provider says it is."""
    here = JobStatus.RUNNING
    return Change(Move(job.id, here, here, at, lease=job.lease_token, changes={"progress": percent}))


def answered(
    job: Row[Any], ended: Mapping[str, Any], answer: Mapping[str, Any], text: str, *, at: datetime
) -> Change:
    """Save an answer whose pictures are not home yet. The paid part is over."""
    changes = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    move = Move(job.id, JobStatus.RUNNING, JobStatus.STORING, at, lease=job.lease_token, changes=changes)
    return Change(move, ended=ended)


def succeeded(
    job: Row[Any],
    leaving: JobStatus,
    assets: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
    text: str | None = None,
    note: str | None = None,
) -> Change:
    """Every picture (or, with ``note``, what could be had of them) is stored."""
    changes: dict[str, Any] = {**_FREE, "answer": None, "progress": 100, "finished_at": at, "error": None}
    if leaving is JobStatus.RUNNING:
        changes["text"] = storable(text or "") or None
    move = Move(job.id, leaving, JobStatus.SUCCEEDED, at, lease=job.lease_token, changes=changes, detail=note)
    return Change(move, ended=ended, assets=assets)


def requeued(
    job: Row[Any],
    *,
    after: timedelta,
    used: int,
    ended: Mapping[str, Any] | None,
    error: Mapping[str, Any],
    at: datetime,
) -> Change:
    """Call again later; ``used`` attempts are used up."""
    changes = {
        **_FREE,
        "not_before": at + after,
        "backing_off": True,
        "avoid_channel_id": job.channel_id,
        "attempts_used": used,
        "progress": 0,
        "error": None,
    }
    detail = f"again in {after.total_seconds():.1f} s: {error['message']}"
    move = Move(
        job.id, JobStatus.RUNNING, JobStatus.QUEUED, at, lease=job.lease_token, changes=changes, detail=detail
    )
    return Change(move, ended=ended)


def held(job: Row[Any], *, ended: Mapping[str, Any] | None, error: Mapping[str, Any], at: datetime) -> Change:
    """Wait for a person's decision."""
    changes = {**_FREE, "error": error}
    move = Move(
        job.id,
        JobStatus.RUNNING,
        JobStatus.HELD,
        at,
        lease=job.lease_token,
        changes=changes,
        detail=error["message"],
    )
    return Change(move, ended=ended)


def failed(
    job: Row[Any],
    leaving: JobStatus,
    error: Mapping[str, Any],
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
) -> Change:
    """End without a picture; the error says why and what to do."""
    changes = {**_FREE, "error": error, "finished_at": at}
    move = Move(
        job.id, leaving, JobStatus.FAILED, at, lease=job.lease_token, changes=changes, detail=error["message"]
    )
    return Change(move, ended=ended)


def postponed(
    job: Row[Any], answer: Mapping[str, Any], *, after: timedelta, at: datetime, why: str, tries: int
) -> Change:
    """Bring the pictures home later; the call is not repeated."""
    changes = {
        "worker_id": None,
        "lease_token": None,
        "not_before": at + after,
        "store_tries": tries,
        "answer": answer,
    }
    here = JobStatus.STORING
    return Change(Move(job.id, here, here, at, lease=job.lease_token, changes=changes, detail=why))


async def cancel(connection: AsyncConnection, job_id: UUID, *, at: datetime) -> bool:
    """Stop a job in any open state. The worker that has it in hand drops the call. False if it had ended."""
    job = await lock_job(connection, job_id)
    if job is None or (leaving := JobStatus(job.status)) not in CANCELLABLE:
        return False
    changes = {"lease_token": None, "finished_at": at, "answer": None}
    move = Move(job_id, leaving, JobStatus.CANCELLED, at, changes=changes, detail="cancelled by the caller")
    return bool(await apply(connection, [move]))


async def retry(connection: AsyncConnection, job_id: UUID, *, at: datetime) -> bool:
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
    }
    move = Move(job_id, leaving, JobStatus.QUEUED, at, changes=changes, detail="started again", restart=True)
    return bool(await apply(connection, [move]))


def ending(
    job_id: UUID, number: int, verdict: Verdict, *, at: datetime, request_id: str | None
) -> dict[str, Any]:
    """Describe how an attempt ended, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "finished_at": at,
        "outcome": verdict.outcome,
        "error_code": verdict.code,
        "http_status": verdict.provider_status,
        "provider_request_id": storable(request_id)[:200] if request_id else None,
        "provider_message": storable(verdict.provider_message)[:2000] if verdict.provider_message else None,
        "billed": verdict.billed,
    }


def error_of(verdict: Verdict, *, retryable: bool, message: str | None = None) -> dict[str, Any]:
    """Describe a failure as callers see it."""
    return {
        "code": verdict.code or "unknown",
        "message": storable(message or verdict.message),
        "outcome": verdict.outcome,
        "retryable": retryable or verdict.outcome in (Outcome.RETRY, Outcome.AMBIGUOUS),
        "provider_status": verdict.provider_status,
        "provider_message": storable(verdict.provider_message) if verdict.provider_message else None,
    }
