"""Held jobs: those that wait for their caller's decision, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.states import RETRYABLE, JobStatus
from models.tables import jobs

_DECIDED_ON: tuple[Column[Any], ...] = (
    jobs.c.id,
    jobs.c.status,
    jobs.c.attempts_used,
    jobs.c.max_attempts,
    jobs.c.error,
    jobs.c.expires_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFilter:
    """Which of a caller's held jobs are meant; ``None`` means any. Bounds are jobs, or moments."""

    model: str | None = None
    campaign: str | None = None
    tag: str | None = None
    error_code: str | None = None
    before: UUID | datetime | None = None
    after: UUID | datetime | None = None


async def lock_jobs(
    connection: AsyncConnection, caller_id: UUID, job_ids: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """Take those of the jobs that are the caller's for this transaction, always in the same order."""
    statement = (
        select(*_DECIDED_ON)
        .where(jobs.c.id.in_(job_ids), jobs.c.caller_id == caller_id)
        .order_by(jobs.c.id)
        .with_for_update()
    )
    return (await connection.execute(statement)).all()


async def lock_held(
    connection: AsyncConnection, caller_id: UUID, wanted: HeldFilter, *, above: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Take a caller's next held jobs with an id above ``above`` for this transaction, oldest first."""
    statement = (
        select(*_DECIDED_ON)
        .where(jobs.c.caller_id == caller_id, jobs.c.status == JobStatus.HELD.value)
        .where(*_conditions(wanted, sqlite=connection.dialect.name == "sqlite"))
        .order_by(jobs.c.id)
        .limit(limit)
        .with_for_update()
    )
    return (
        await connection.execute(statement if above is None else statement.where(jobs.c.id > above))
    ).all()


async def is_still_leased(connection: AsyncConnection, job_id: UUID) -> bool:
    """Tell whether a job that may be started again is still in a worker's hand: its call is being dropped."""
    statement = select(jobs.c.id).where(
        jobs.c.id == job_id, jobs.c.worker_id.is_not(None), jobs.c.status.in_(sorted(RETRYABLE))
    )
    return await connection.scalar(statement) is not None


def _conditions(wanted: HeldFilter, *, sqlite: bool) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in ((jobs.c.model, wanted.model), (jobs.c.campaign, wanted.campaign))
        if value is not None
    ]
    if wanted.error_code is not None:
        found.append(jobs.c.error["code"].as_string() == wanted.error_code)
    if wanted.tag is not None and sqlite:
        each = func.json_each(jobs.c.tags).table_valued("value")
        found.append(select(literal(1)).select_from(each).where(each.c.value == wanted.tag).exists())
    elif wanted.tag is not None:
        found.append(jobs.c.tags.op("@>")(func.jsonb_build_array(wanted.tag)))
    if wanted.before is not None:
        found.append(_place(wanted.before) < wanted.before)
    if wanted.after is not None:
        found.append(_place(wanted.after) > wanted.after)
    return found


def _place(bound: UUID | datetime) -> ColumnElement[Any]:
    """Return what a bound is compared with."""
    return jobs.c.created_at if isinstance(bound, datetime) else jobs.c.id
