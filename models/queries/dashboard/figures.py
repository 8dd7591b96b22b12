"""Figures of the overview: open jobs, the oldest that waits, calls and spend over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, and_, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import Outcome
from models.queries.selection.job_filter import JobFilter, conditions
from models.states import OPEN, JobStatus
from models.tables import attempts, callers, campaigns, channels, jobs

BUCKET = 1800  #: seconds of one bucket of a series
MOST_COUNTED = 10_000  #: jobs that are counted; more are "10,000+"
_COUNTED = MOST_COUNTED + 1
_PARTS = 100  # of a UNION


@dataclass(frozen=True, slots=True)
class CallBucket:
    """Calls that were sent in ``BUCKET`` seconds from ``start`` on, in one currency."""

    start: datetime
    currency: str | None
    calls: int
    succeeded: int
    failed: int  #: that ended without a result
    cost_micro: int


async def list_buckets(
    connection: AsyncConnection, since: datetime, *, caller_id: UUID | None = None
) -> list[CallBucket]:
    """Return the calls since then by bucket and currency, of one caller or of all."""
    here = attempts.c
    epoch: ColumnElement[Any] = cast(func.strftime("%s", here.sent_at), Integer)
    if connection.dialect.name == "postgresql":
        epoch = cast(func.floor(func.extract("epoch", here.sent_at)), Integer)
    bucket = (epoch - epoch % BUCKET).label("bucket")
    success = here.outcome == Outcome.SUCCESS.value
    failed = and_(here.finished_at.is_not(None), func.coalesce(here.outcome, "") != Outcome.SUCCESS.value)
    counted = [func.sum(case((which, 1), else_=0)) for which in (success, failed)]
    query = select(
        bucket, here.currency, func.count(), *counted, func.sum(func.coalesce(here.cost_micro, 0))
    ).where(here.channel.in_(select(channels.c.name)), here.sent_at >= since)
    if caller_id is not None:
        query = query.join(jobs, jobs.c.id == here.job_id).where(jobs.c.caller_id == caller_id)
    query = query.group_by(bucket, here.currency).order_by(bucket)
    return [
        CallBucket(datetime.fromtimestamp(int(row[0]), UTC), row[1], *(int(value) for value in row[2:]))
        for row in await connection.execute(query)
    ]


async def count_statuses(
    connection: AsyncConnection, statuses: Sequence[JobStatus], *, caller_id: UUID | None = None
) -> Mapping[str, int]:
    """Count the jobs of one caller, or of all, by these statuses, up to 10,001 of each caller and status."""
    query = select(*(_counted(status).label(status.value) for status in statuses)).select_from(callers)
    query = query if caller_id is None else query.where(callers.c.id == caller_id)
    row = (await connection.execute(query)).one()
    return {status.value: int(row._mapping[status.value] or 0) for status in statuses}


def _counted(status: JobStatus) -> ColumnElement[Any]:
    return _sum_by_caller([jobs.c.status == status.value])


def _sum_by_caller(matching: Sequence[ColumnElement[bool]]) -> ColumnElement[Any]:
    """Count jobs, caller by caller, each up to the limit: the indexes begin with the caller."""
    own = select(literal(1)).where(jobs.c.caller_id == callers.c.id, *matching)
    first = own.correlate(callers).limit(_COUNTED).subquery()
    return func.sum(select(func.count()).select_from(first).scalar_subquery())


async def count_listed(connection: AsyncConnection, caller_id: UUID | None, wanted: JobFilter) -> int:
    """Count the jobs of one caller, or of all, that match a filter, up to ``MOST_COUNTED`` and one."""
    matching = conditions(wanted, sqlite=connection.dialect.name == "sqlite")
    query = select(_sum_by_caller(matching)).select_from(callers)
    query = query if caller_id is None else query.where(callers.c.id == caller_id)
    return min(int(await connection.scalar(query) or 0), _COUNTED)


async def oldest_due(
    connection: AsyncConnection, at: datetime, *, caller_id: UUID | None = None, limit: int = 1
) -> Sequence[Row[Any]]:
    """Return id and ``created_at`` of the queued jobs that are due and oldest, of one caller or of all."""
    rows: list[Row[Any]] = []
    ids = [caller_id] if caller_id else (await connection.scalars(select(callers.c.id))).all()
    due = (jobs.c.status == JobStatus.QUEUED.value, jobs.c.not_before <= at)
    parts = [
        select(
            select(jobs.c.id, jobs.c.created_at)
            .where(jobs.c.caller_id == each, *due)
            .order_by(jobs.c.id)
            .limit(limit)
            .subquery()
        )
        for each in ids
    ]
    for start in range(0, len(parts), _PARTS):
        chunk = parts[start : start + _PARTS]
        rows += (await connection.execute(chunk[0].union_all(*chunk[1:]))).all()
    return sorted(rows, key=lambda row: row.created_at)[:limit]


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What a new installation has done."""

    has_channel: bool
    has_success: bool
    has_campaign: bool


async def first_steps(connection: AsyncConnection, *, caller_id: UUID | None = None) -> FirstSteps:
    """Return which of the first steps are done, of one caller or of all."""
    own = [] if caller_id is None else [jobs.c.caller_id == caller_id]
    success = select(literal(1)).where(jobs.c.status == JobStatus.SUCCEEDED.value, *own)
    batch = success.where(jobs.c.campaign.is_not(None))
    done = select(literal(1)).where(
        campaigns.c.status == "finished", *([] if caller_id is None else [campaigns.c.caller_id == caller_id])
    )
    channel = select(literal(1)).where(channels.c.configured)
    row = (
        await connection.execute(
            select(
                channel.exists().label("channel"),
                success.exists().label("success"),
                (batch.exists() | done.exists()).label("batch"),
            )
        )
    ).one()
    return FirstSteps(bool(row.channel), bool(row.success), bool(row.batch))


OPEN_STATUSES = tuple(status for status in JobStatus if status in OPEN)


async def jobs_by_worker(connection: AsyncConnection) -> Mapping[UUID, int]:
    """Count the jobs in flight by worker."""
    query = select(jobs.c.worker_id, func.count()).where(
        jobs.c.worker_id.is_not(None), jobs.c.status.in_(("leased", "running", "storing"))
    )
    return {row[0]: row[1] for row in await connection.execute(query.group_by(jobs.c.worker_id))}
