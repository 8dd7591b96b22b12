"""Held jobs, which wait for a decision of their caller: lock many at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.selection.job_filter import JobFilter, conditions
from models.states import RETRYABLE, JobStatus
from models.tables import callers, jobs

_DECISION_COLUMNS: tuple[Column[Any], ...] = (
    jobs.c.id,
    jobs.c.caller_id,
    jobs.c.status,
    jobs.c.attempts_used,
    jobs.c.max_attempts,
    jobs.c.error,
    jobs.c.expires_at,
)


async def lock_jobs(
    connection: AsyncConnection, caller_id: UUID | None, job_ids: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """Lock those of the jobs that are the caller's (``None``: anybody's), always in the same order."""
    statement = select(*_DECISION_COLUMNS).where(jobs.c.id.in_(job_ids))
    if caller_id is not None:
        statement = statement.where(jobs.c.caller_id == caller_id)
    return (await connection.execute(statement.order_by(jobs.c.id).with_for_update())).all()


async def callers_with_held(connection: AsyncConnection, caller_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Return those of the callers that have held jobs, in order of their ids."""
    held = jobs.c.caller_id == callers.c.id, jobs.c.status == JobStatus.HELD.value
    query = select(callers.c.id).where(callers.c.id.in_(caller_ids), select(jobs.c.id).where(*held).exists())
    return (await connection.scalars(query.order_by(callers.c.id))).all()


async def lock_held(
    connection: AsyncConnection, caller_id: UUID, wanted: JobFilter, *, above: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Lock a caller's next held jobs with an id above ``above``, oldest first."""
    statement = (
        select(*_DECISION_COLUMNS)
        .where(jobs.c.caller_id == caller_id, jobs.c.status == JobStatus.HELD.value)
        .where(*conditions(wanted, sqlite=connection.dialect.name == "sqlite"))
        .order_by(jobs.c.id)
        .limit(limit)
        .with_for_update()
    )
    return (
        await connection.execute(statement if above is None else statement.where(jobs.c.id > above))
    ).all()


async def is_still_leased(connection: AsyncConnection, job_id: UUID) -> bool:
    """Return whether a retryable job is still leased to a worker, which is dropping its call."""
    statement = select(jobs.c.id).where(
        jobs.c.id == job_id, jobs.c.worker_id.is_not(None), jobs.c.status.in_(sorted(RETRYABLE))
    )
    return await connection.scalar(statement) is not None
