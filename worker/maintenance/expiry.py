"""Deadlines: expire queued jobs that could not start in time. They cost nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from models.clock import rfc3339
from models.database import Database
from models.outcomes import JobError
from models.queries.leases import any_overdue, lock_overdue
from worker.lifecycle import expire
from worker.unwritable import commit_separately

_CHUNK = 500  # jobs in one transaction
_MOST = 10  # transactions between two heartbeats; until then the other overdue jobs still use up starts


async def expire_overdue(database: Database, at: datetime) -> None:
    """Expire queued jobs whose deadline has passed."""
    for _ in range(_MOST):
        async with database.reading() as connection:
            if not await any_overdue(connection, at):
                return
        async with database.writing() as connection:
            late = await lock_overdue(connection, at, limit=_CHUNK)
            await commit_separately(connection, [expire(job, _error(job), at=at) for job in late])
        if len(late) < _CHUNK:
            return


def _error(job: Row[Any]) -> JobError:
    before = " Calls before that had failed; see its attempts." if job.attempts_used else ""
    deadline = rfc3339(job.expires_at) if isinstance(job.expires_at, datetime) else "its deadline"
    message = (
        f"It could not start by {deadline}, so it was not sent.{before} "
        "Submit it again and give it more time, or look at its channels to see why it had to wait."
    )
    return JobError(code="expired", message=message, outcome=None, retryable=True)
