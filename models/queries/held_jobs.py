"""Held jobs, which wait for a decision of their caller: lock many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFilter:
    """Filter of a caller's held jobs; ``None`` matches any. Bounds are job ids or times."""

    model: str | None = None
    campaign: str | None = None
    tag: str | None = None
    error_code: str | None = None
    before: UUID | datetime | None = None
    after: UUID | datetime | None = None


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
    connection: AsyncConnection, caller_id: UUID, wanted: HeldFilter, *, above: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Lock a caller's next held jobs with an id above ``above``, oldest first."""
    statement = (
        select(*_DECISION_COLUMNS)
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
    """Return whether a retryable job is still leased to a worker, which is dropping its call."""
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
        each = func.json_each(case((func.json_valid(jobs.c.tags) == 1, jobs.c.tags))).table_valued("value")
        found.append(select(literal(1)).select_from(each).where(each.c.value == wanted.tag).exists())
    elif wanted.tag is not None:
        found.append(jobs.c.tags.op("@>")(func.jsonb_build_array(wanted.tag)))
    if wanted.before is not None:
        found.append(_bound_column(wanted.before) < wanted.before)
    if wanted.after is not None:
        found.append(_bound_column(wanted.after) > wanted.after)
    return found


def _bound_column(bound: UUID | datetime) -> ColumnElement[Any]:
    """Return the column that a bound is compared with."""
    return jobs.c.created_at if isinstance(bound, datetime) else jobs.c.id
