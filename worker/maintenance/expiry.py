"""Deadlines: a job that could not start in time ends, and costs nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from models.clock import rfc3339
from models.database import Database
from models.outcomes import JobError
from models.queries.leases import any_overdue, overdue
from models.queries.transitions import Transition, apply
from models.states import JobStatus

_AT_ONCE = 500  # jobs in one transaction
_MOST = 10  # transactions between two beats: until they end, jobs whose time is over use up starts


async def expire(database: Database, at: datetime) -> None:
    """End queued jobs whose time is over, whoever submitted them."""
    for _ in range(_MOST):
        async with database.reading() as connection:
            if not await any_overdue(connection, at):
                return
        async with database.writing() as connection:
            late = await overdue(connection, at, limit=_AT_ONCE)
            await apply(connection, [_expired(job, at) for job in late])
        if len(late) < _AT_ONCE:
            return


def _expired(job: Row[Any], at: datetime) -> Transition:
    before = " Calls before that had failed; see its attempts." if job.attempts_used else ""
    message = (
        f"It could not start by {rfc3339(job.expires_at)}, so it was not sent.{before} "
        "Submit it again and give it more time, or look at its channels to see why it had to wait."
    )
    error = JobError(code="expired", message=message, outcome=None, retryable=True)
    changes = {"error": error.to_json(), "finished_at": at}
    return Transition(job.id, JobStatus.QUEUED, JobStatus.EXPIRED, at, changes=changes, detail=message)
