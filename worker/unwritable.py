"""Rows that can't be read and updates that can't be written: how their jobs end, without their neighbours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import public_id
from models.integrity.database_errors import is_transient
from models.outcomes import UNKNOWN, JobError, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.bulk import storable
from models.queries.leases import LeasedJob, UnreadableJob
from models.queries.transitions import Revisions, Transition
from models.states import JobStatus
from worker.lifecycle import JobUpdate, commit, set_aside

_MOST_KEYS = 8  # stored files that an error names
_log = structlog.get_logger()


def problem_of(error: Exception) -> str:
    """Return what the database or its driver says, in one line without the values of the statement."""
    lines = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines() or [""]
    return storable(f"{lines[0][:300]} ({type(error).__name__})")


def described(update: JobUpdate) -> Mapping[str, Any]:
    """Return what an update would have written, for the log."""
    transition, record = update.transition, update.record
    job_id = transition.job_id if transition else _attempt_of(update)
    return {
        "job": public_id("job", job_id) if job_id else None,
        "change": f"{transition.leaving} → {transition.entering}" if transition else None,
        "outcome": record.outcome if record else None,
        "files": _files(update),
    }


def substitutes(update: JobUpdate, problem: str) -> Iterator[JobUpdate]:
    """Return the updates to try instead, each with less than the one before; none if the job can go on."""
    transition, record = update.transition, update.record
    if transition is None or (
        transition.entering is transition.leaving and "answer" not in transition.changes
    ):
        return  # progress or handles: the job goes on without them
    paid = _is_paid(update, transition)
    error = _paid_error(update, problem) if paid else _unpaid_error(update, problem)
    instead = set_aside(transition, error, hold=paid)
    if record is not None:
        yield replace(instead, record=_essence(record))
    yield instead


def after_unreadable(job: UnreadableJob, at: datetime) -> JobUpdate | None:
    """Return how a leased job ends whose row can't be read; ``None`` if its state is unknown, too."""
    if job.status not in (JobStatus.LEASED, JobStatus.RUNNING, JobStatus.STORING):
        return None
    leaving = JobStatus(job.status)
    hold = leaving is not JobStatus.LEASED
    return set_aside(
        Transition(job.id, leaving, leaving, at, lease=job.lease_token),
        unreadable_error(job.problem, called=hold),
        hold=hold,
    )


def after_faults(job: LeasedJob, status: JobStatus, faults: int, at: datetime) -> JobUpdate:
    """Return how a job ends whose task failed ``faults`` times by a defect of Darkroom's own, in one state.

    A job whose call was not sent fails. One whose image is to be stored is held: its call is paid.
    """
    paid = status is JobStatus.STORING
    error = JobError(
        code="internal_error",
        message=f"Darkroom failed {faults} times at this job by a defect of its own; please report the "
        "traceback in the worker's log. "
        + (
            "Its call is paid: `darkroom jobs reread` parses the archived answer again without a new call."
            if paid
            else "Nothing was sent for it since. Retry it after an update."
        ),
        outcome=Outcome.AMBIGUOUS if paid else None,
        retryable=not paid,
    )
    return set_aside(Transition(job.id, status, status, at, lease=job.lease_token), error, hold=paid)


def unreadable_error(problem: str, *, called: bool) -> JobError:
    """Return the error of a job whose row can't be read; ``called``: its picture may have been paid for."""
    paid = (
        "Its call was made and may have been charged; look at its attempts and at the provider's call log."
        if called
        else "Nothing was sent for it since. Submit it again."
    )
    return JobError(
        code="unreadable",
        message=f"The row of this job in the database can't be read: {storable(problem)}. {paid}",
        outcome=Outcome.AMBIGUOUS if called else None,
        retryable=False,
    )


async def commit_separately(connection: AsyncConnection, updates: Sequence[JobUpdate]) -> Revisions:
    """Write updates as ``commit`` does; those that can't be written do not prevent the others.

    Their jobs end as ``substitutes`` says. Raises ``DatabaseAway``.
    """
    try:
        async with connection.begin_nested():
            return await commit(connection, updates)
    except Exception as error:
        if is_transient(error):
            raise
    revisions = Revisions()
    for update in updates:
        revisions.add(await _commit_one(connection, update))
    return revisions


async def _commit_one(connection: AsyncConnection, update: JobUpdate) -> Revisions:
    left, problem = [update], ""
    while left:
        try:
            async with connection.begin_nested():
                return await commit(connection, [left.pop(0)])
        except Exception as error:
            if is_transient(error):
                raise
            if not problem:
                problem = problem_of(error)
                left = [*substitutes(update, problem)]
    _log.error("a change can't be written and is dropped", problem=problem, **described(update))
    return Revisions()


def _is_paid(update: JobUpdate, transition: Transition) -> bool:
    """Return whether an image may have been made: the job is held for a person, who may find it."""
    made = update.record is not None and update.record.outcome in (Outcome.SUCCESS, *UNKNOWN)
    return transition.leaving in (JobStatus.RUNNING, JobStatus.STORING) and (
        made or bool(update.assets) or transition.leaving is JobStatus.STORING
    )


def _essence(record: AttemptRecord) -> AttemptRecord:
    """Return a record without the provider's texts."""
    return replace(
        record,
        error_code=None,
        http_status=None,
        provider_request_id=None,
        provider_message=None,
        handles=None,
    )


def _paid_error(update: JobUpdate, problem: str) -> JobError:
    files = f" Its files are in the storage: {', '.join(_files(update))}." if update.assets else ""
    return JobError(
        code="asset_unstored",
        message="A picture was probably made and charged, but the database does not accept the result: "
        f"{problem}.{files} If its raw answer was archived, it can be parsed again. "
        "Retrying the job pays for a new picture.",
        outcome=Outcome.AMBIGUOUS,
        retryable=True,
    )


def _unpaid_error(update: JobUpdate, problem: str) -> JobError:
    return JobError(
        code="unwritable",
        message=f"The database does not accept a change of this job: {problem}. No picture was made by it. "
        "The worker's log has the change; retry the job, or submit it again.",
        outcome=update.record.outcome if update.record else None,
        retryable=True,
    )


def _files(update: JobUpdate) -> list[str]:
    return [asset.key for asset in update.assets[:_MOST_KEYS]]


def _attempt_of(update: JobUpdate) -> UUID | None:
    found = update.handles or update.record
    return found.job_id if found else None
