"""The verbs of a job's life: each is one move with all that goes with it, committed together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import Outcome, Verdict
from models.queries.assets import insert_assets
from models.queries.attempts import (
    amend_attempts,
    delete_attempts,
    finish_attempts,
    insert_attempts,
    note_handles,
)
from models.queries.bulk import storable
from models.queries.transitions import Move, Revisions, apply, lock_job
from models.states import CANCELLABLE, RETRYABLE, JobStatus

_FREE: Mapping[str, Any] = {"worker_id": None, "lease_token": None, "start_at": None}


@dataclass(frozen=True, slots=True)
class Change:
    """A move, and the rows that come and go with it. What became of a call is noted in any case."""

    move: Move | None = None
    sent: Mapping[str, Any] | None = None  #: a new attempt
    noted: Mapping[str, Any] | None = None  #: by what an open attempt can be asked for again
    ended: Mapping[str, Any] | None = None  #: how an attempt ended; noted even if the move no longer holds,
    #: and then it also replaces what somebody else wrote who could only guess
    amended: Mapping[str, Any] | None = None  #: what became of an attempt whose end was unknown; the same
    assets: Sequence[Mapping[str, Any]] = ()
    unsent: Mapping[str, Any] | None = None  #: an attempt of which nothing was sent: it has not happened

    def holds(self, revisions: Revisions) -> bool:
        """Tell whether its move was made; one without a move always holds."""
        return self.move is None or revisions.has(self.move)


async def commit(connection: AsyncConnection, changes: Sequence[Change]) -> Revisions:
    """Make the changes that still hold; return the new revision by job."""
    revisions = await apply(connection, [change.move for change in changes if change.move])
    held = [change for change in changes if change.holds(revisions)]
    await insert_attempts(connection, [change.sent for change in held if change.sent])
    await note_handles(connection, _latest(change.noted for change in changes))
    await finish_attempts(connection, [change.ended for change in changes if change.ended])
    late = [change.ended for change in changes if change.ended and not change.holds(revisions)]
    await amend_attempts(connection, [*late, *(change.amended for change in changes if change.amended)])
    await delete_attempts(connection, [change.unsent for change in held if change.unsent])
    await insert_assets(connection, [asset for change in held for asset in change.assets])
    return revisions


def _latest(rows: Iterable[Mapping[str, Any] | None]) -> Sequence[Mapping[str, Any]]:
    """Return the last row of each attempt."""
    return list({(row["job_id"], row["number"]): row for row in rows if row}.values())


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


def unsent(job: Row[Any], *, at: datetime, why: str) -> Change:
    """Take a start back before anything was sent: no attempt was made."""
    changes = {**_FREE, "attempts_used": job.attempts_used, "started_at": job.started_at}
    move = Move(
        job.id, JobStatus.RUNNING, JobStatus.QUEUED, at, lease=job.lease_token, changes=changes, detail=why
    )
    return Change(move, unsent={"job_id": job.id, "number": job.next_number})


def handled(job: Row[Any], number: int, handles: Mapping[str, Any]) -> Change:
    """Note by what the call under way can be asked for again, should its answer get lost."""
    return Change(noted={"job_id": job.id, "number": number, "handles": handles})


def progressed(job: Row[Any], percent: int, *, at: datetime, here: JobStatus = JobStatus.RUNNING) -> Change:
    """Show how far the provider says it is."""
    return Change(Move(job.id, here, here, at, lease=job.lease_token, changes={"progress": percent}))


def answered(
    job: Row[Any], ended: Mapping[str, Any], answer: Mapping[str, Any], text: str, *, at: datetime
) -> Change:
    """Save an answer whose pictures are not home yet. The paid part is over."""
    changes = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    move = Move(job.id, JobStatus.RUNNING, JobStatus.STORING, at, lease=job.lease_token, changes=changes)
    return Change(move, ended=ended)


def recovering(
    job: Row[Any],
    ended: Mapping[str, Any] | None,
    answer: Mapping[str, Any],
    *,
    at: datetime,
    why: str,
    text: str = "",
    release: bool = False,
) -> Change:
    """Ask for a lost answer again instead of paying again; with ``release``, whoever comes next does."""
    changes: dict[str, Any] = {"answer": answer, "text": storable(text) or None, "store_tries": 0}
    if release:
        changes |= {"worker_id": None, "lease_token": None, "not_before": at}
    move = Move(
        job.id, JobStatus.RUNNING, JobStatus.STORING, at, lease=job.lease_token, changes=changes, detail=why
    )
    return Change(move, ended=ended)


def recovered(
    job: Row[Any], amended: Mapping[str, Any], answer: Mapping[str, Any], *, at: datetime
) -> Change:
    """Save the pictures of an answer that was lost; they are not home yet."""
    here = JobStatus.STORING
    changes = {"answer": answer, "store_tries": 0}
    move = Move(
        job.id, here, here, at, lease=job.lease_token, changes=changes, detail="the picture was found"
    )
    return Change(move, amended=amended)


def succeeded(
    job: Row[Any],
    leaving: JobStatus,
    assets: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
    text: str | None = None,
    note: str | None = None,
) -> Change:
    """Every picture (or, with ``note``, what could be had of them) is stored."""
    changes: dict[str, Any] = {**_FREE, "answer": None, "progress": 100, "finished_at": at, "error": None}
    if leaving is JobStatus.RUNNING:
        changes["text"] = storable(text or "") or None
    move = Move(job.id, leaving, JobStatus.SUCCEEDED, at, lease=job.lease_token, changes=changes, detail=note)
    return Change(move, ended=ended, amended=amended, assets=assets)


def requeued(
    job: Row[Any],
    *,
    after: timedelta,
    used: int,
    error: Mapping[str, Any],
    at: datetime,
    leaving: JobStatus = JobStatus.RUNNING,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
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
        "answer": None,
    }
    detail = f"again in {after.total_seconds():.1f} s: {error['message']}"
    move = Move(job.id, leaving, JobStatus.QUEUED, at, lease=job.lease_token, changes=changes, detail=detail)
    return Change(move, ended=ended, amended=amended)


def held(
    job: Row[Any],
    *,
    error: Mapping[str, Any],
    at: datetime,
    leaving: JobStatus = JobStatus.RUNNING,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
) -> Change:
    """Wait for a person's decision."""
    changes = {**_FREE, "error": error, "answer": None}
    detail = error["message"]
    move = Move(job.id, leaving, JobStatus.HELD, at, lease=job.lease_token, changes=changes, detail=detail)
    return Change(move, ended=ended, amended=amended)


def failed(
    job: Row[Any],
    leaving: JobStatus,
    error: Mapping[str, Any],
    *,
    at: datetime,
    ended: Mapping[str, Any] | None = None,
    amended: Mapping[str, Any] | None = None,
) -> Change:
    """End without a picture; the error says why and what to do."""
    changes = {**_FREE, "error": error, "finished_at": at}
    move = Move(
        job.id, leaving, JobStatus.FAILED, at, lease=job.lease_token, changes=changes, detail=error["message"]
    )
    return Change(move, ended=ended, amended=amended)


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
        "expires_at": job.expires_at if job.expires_at and job.expires_at > at else None,
    }
    move = Move(job_id, leaving, JobStatus.QUEUED, at, changes=changes, detail="started again", restart=True)
    return bool(await apply(connection, [move]))


# The verbs of a person's decision about a job that nobody has in hand (its other verbs: ``lifecycle``).


def released(job: Row[Any], *, at: datetime) -> Move:
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
    return Move(
        job.id, JobStatus.HELD, JobStatus.QUEUED, at, changes=changes, detail="released: called again"
    )


def given_up(job: Row[Any], reason: str, *, at: datetime) -> Move:
    """End a held job without another call; its error keeps what it was held for."""
    error = job.error or {"code": "unknown", "message": ""}
    words = f"Given up by its caller{f': {storable(reason)}' if reason else ''}."
    changes = {"error": {**error, "message": f"{words} {error['message']}".strip()}, "finished_at": at}
    return Move(job.id, JobStatus.HELD, JobStatus.FAILED, at, changes=changes, detail=words)


def found_later(job: Row[Any], answer: Mapping[str, Any], text: str, number: int, *, at: datetime) -> Move:
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
    return Move(
        job.id, JobStatus(job.status), JobStatus.STORING, at, changes=changes, detail=why, restart=True
    )


# How calls and failures are written down.


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


def amendment(job_id: UUID, number: int, verdict: Verdict) -> dict[str, Any]:
    """Describe what became of an attempt whose end was unknown, for its row."""
    return {
        "job_id": job_id,
        "number": number,
        "outcome": verdict.outcome,
        "error_code": verdict.code,
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
