"""Leases: jobs leased to workers, calls in flight, and jobs that wait to be stored or have expired."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.unreadable import Unreadable, log_unreadable
from models.request import request_problems
from models.states import JobStatus, OnUnknown
from models.tables import assets, attempts, callers, campaigns, channels, jobs

_QUEUED: ColumnElement[str] = literal_column("'queued'")
_STORING: ColumnElement[str] = literal_column("'storing'")
_NEXT_NUMBER = (
    select(func.coalesce(func.max(attempts.c.number), 0) + 1)
    .where(attempts.c.job_id == jobs.c.id)
    .scalar_subquery()
    .label("next_number")
)
_STORED = (
    select(func.count())
    .select_from(assets)
    .where(
        assets.c.job_id == jobs.c.id,
        func.coalesce(assets.c.generation, jobs.c.generation) == jobs.c.generation,
    )
    .scalar_subquery()
    .label("stored")
)
_ANY_UNSTORED = (
    select(jobs.c.id)
    .where(jobs.c.status == _STORING, jobs.c.worker_id.is_(None), jobs.c.not_before <= bindparam("at"))
    .limit(1)
)
_CALLING = ("leased", "running", "cancelled")  # cancelled with a worker: its call is not dropped yet


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedJob:
    """A job leased to a worker: what tasks read of its row, and of its channel's, caller's and campaign's.

    It is frozen: the changes that a task writes are not seen in it. ``worker.lifecycle`` returns a job as it
    is after its start and after its answer.
    """

    id: UUID
    caller_id: UUID
    status: JobStatus
    generation: int
    model: str
    prompt: str
    request: Mapping[str, Any]
    max_attempts: int
    attempts_used: int
    on_unknown: OnUnknown
    store_tries: int
    channel_id: UUID
    worker_id: UUID
    lease_token: UUID | None  #: ``None`` once it is cancelled
    start_at: datetime  #: when its call may leave; set in state ``leased``, which alone reads it
    started_at: datetime | None  #: when its first call left
    expires_at: datetime | None
    progress: int
    answer: Mapping[str, Any] | None  #: of jobs in state ``storing``
    retry: Mapping[str, Any] | None  #: its own retry rules
    campaign_retry: Mapping[str, Any] | None
    channel: str  #: the channel's name
    channel_rpm: float | None
    channel_limits: Mapping[str, Mapping[str, float]]  #: its other limits by model; ``""``: all models
    caller_rpm: float | None
    stored: int  #: images of this generation that earlier calls made
    next_number: int  #: of its next attempt; of the attempt in flight, once a task has started it
    campaign: str | None = None
    request_id: str | None = None  #: of its submit
    budgeted: bool = False  #: whether its caller or its campaign has a budget


_RULES = ("retry", "campaign_retry", "channel_limits")
_OBJECTS: Mapping[str, Any] = {"request": Mapping, "answer": Mapping | None}
_KINDS: Mapping[str, type[StrEnum]] = {"status": JobStatus, "on_unknown": OnUnknown}
_NUMBERS = ("generation", "max_attempts", "attempts_used", "store_tries", "progress", "next_number")
_COLUMNS: tuple[ColumnElement[Any], ...] = (
    *(jobs.c[name] for name in LeasedJob.__dataclass_fields__ if name in jobs.c),
    channels.c.name.label("channel"),
    channels.c.rpm.label("channel_rpm"),
    channels.c.limits.label("channel_limits"),
    callers.c.rpm.label("caller_rpm"),
    _NEXT_NUMBER,
    _STORED,
    campaigns.c.retry.label("campaign_retry"),
    or_(callers.c.budget_micro.is_not(None), campaigns.c.budget_micro.is_not(None)).label("budgeted"),
)
_CAMPAIGN = and_(campaigns.c.caller_id == jobs.c.caller_id, campaigns.c.name == jobs.c.campaign)
_LEASED = select(*_COLUMNS).select_from(
    jobs.join(callers, callers.c.id == jobs.c.caller_id)
    .outerjoin(channels, channels.c.id == jobs.c.channel_id)
    .outerjoin(campaigns, _CAMPAIGN)
)


@dataclass(frozen=True, slots=True)
class UnreadableJob:
    """A leased job whose row can't be read: of its values only these are known."""

    id: UUID
    status: str
    lease_token: UUID | None
    problem: str  #: in plain words


class LeasedJobs(list[LeasedJob]):
    """Leased jobs; ``unreadable`` are those whose rows can't be read."""

    def __init__(self, rows: Iterable[Row[Any]] = ()) -> None:
        super().__init__()
        self.unreadable: list[UnreadableJob] = []
        for row in rows:
            try:
                self.append(_leased_job(row))
            except ValueError as error:
                self.unreadable.append(UnreadableJob(row.id, row.status, row.lease_token, str(error)))
                log_unreadable("job", str(row.id), str(error))


def _leased_job(row: Row[Any]) -> LeasedJob:
    """Return a row as a job. Raises ``ValueError`` with all that is wrong with it."""
    values = dict(row._mapping)
    for name in _RULES:
        if not isinstance(values[name], Mapping):  # rules that can't be read must not stop the job
            values[name] = {} if name == "channel_limits" else None
    problems = [
        f"{name} has the {value!r}" for name, value in values.items() if isinstance(value, Unreadable)
    ]
    problems += [f"{name} is no object" for name in _OBJECTS if not isinstance(values[name], _OBJECTS[name])]
    problems += [
        f"{name} is {values[name]!r}" for name, kind in _KINDS.items() if values[name] not in set(kind)
    ]
    problems += [f"{name} is no whole number" for name in _NUMBERS if not isinstance(values[name], int)]
    if isinstance(values["request"], Mapping):
        problems += [
            f"request has members of another type: {each}" for each in request_problems(values["request"])
        ]
    if problems:
        raise ValueError("; ".join(problems))
    status, on_unknown = JobStatus(values.pop("status")), OnUnknown(values.pop("on_unknown"))
    return LeasedJob(**values, status=status, on_unknown=on_unknown)


async def calls_in_flight(connection: AsyncConnection, *, of_callers: bool = True) -> Sequence[Row[Any]]:
    """Count the calls in flight, or leased to start soon, over all workers.

    Returns rows of (channel_id, model, caller_id, calls). Without the caller it is cheaper.
    """
    rows: Sequence[Row[Any]] = (await connection.execute(_calls(of_callers))).all()
    return rows


@lru_cache(maxsize=2)
def _calls(of_callers: bool) -> Select[Any]:
    by = (jobs.c.channel_id, jobs.c.model, jobs.c.caller_id)[: 3 if of_callers else 2]
    return (
        select(*by, func.count().label("calls"))
        .where(jobs.c.worker_id.is_not(None), jobs.c.status.in_(_CALLING))
        .group_by(*by)
    )


async def list_in_flight(connection: AsyncConnection, worker_id: UUID) -> Sequence[Row[Any]]:
    """Return the jobs of a worker with the few columns that a sweep reads once a second."""
    columns: tuple[Column[Any], ...] = (jobs.c.id, jobs.c.status, jobs.c.leased_at, jobs.c.start_at)
    return (await connection.execute(select(*columns).where(jobs.c.worker_id == worker_id))).all()


async def leased_to(
    connection: AsyncConnection, worker_id: UUID, job_ids: Sequence[UUID] | None = None
) -> LeasedJobs:
    """Return the jobs leased to a worker, all or of ``job_ids``; cancelled ones until it drops the call."""
    statement = _LEASED.where(jobs.c.worker_id == worker_id)
    if job_ids is not None:
        statement = statement.where(jobs.c.id.in_(job_ids))
    return LeasedJobs(await connection.execute(statement))


async def leased_jobs(
    connection: AsyncConnection, job_ids: Sequence[UUID], lease: UUID, status: str
) -> LeasedJobs:
    """Return those of the jobs that are still under this lease."""
    statement = _LEASED.where(jobs.c.id.in_(job_ids), jobs.c.lease_token == lease, jobs.c.status == status)
    return LeasedJobs(await connection.execute(statement))


async def lease_unstored(
    connection: AsyncConnection,
    *,
    worker_id: UUID,
    lease: UUID,
    at: datetime,
    limit: int,
    excluded: Sequence[UUID] = (),
) -> Sequence[UUID]:
    """Lease jobs that wait in state ``storing``, and return their ids; they stay in this state.

    Jobs of ``excluded`` channels are left to the workers that know these: answers may have to be polled for.
    """
    waiting = (
        select(jobs.c.id)
        .where(jobs.c.status == _STORING, jobs.c.worker_id.is_(None), jobs.c.not_before <= at)
        .where(_not_of(excluded))
        .order_by(jobs.c.not_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    picked = (await connection.scalars(waiting)).all()
    if picked:
        changes = {"worker_id": worker_id, "lease_token": lease, "leased_at": at}
        await connection.execute(update(jobs).where(jobs.c.id.in_(picked)).values(**changes))
    return picked


async def any_unstored(connection: AsyncConnection, at: datetime, *, excluded: Sequence[UUID] = ()) -> bool:
    """Return whether jobs of other than the ``excluded`` channels wait in state ``storing`` for a worker."""
    return await connection.scalar(_ANY_UNSTORED.where(_not_of(excluded)), {"at": at}) is not None


def _not_of(excluded: Sequence[UUID]) -> ColumnElement[bool]:
    if not excluded:
        return true()
    return or_(jobs.c.channel_id.is_(None), jobs.c.channel_id.not_in(excluded))


async def lock_overdue(connection: AsyncConnection, at: datetime, *, limit: int) -> Sequence[Row[Any]]:
    """Lock and return queued jobs past their deadline, except those that are locked already."""
    columns: tuple[Column[Any], ...] = (jobs.c.id, jobs.c.expires_at, jobs.c.attempts_used)
    statement = (
        select(*columns)
        .where(jobs.c.status == _QUEUED, jobs.c.expires_at <= at)
        .order_by(jobs.c.expires_at)
        .limit(limit)
    )
    return (await connection.execute(statement.with_for_update(skip_locked=True))).all()


async def any_overdue(connection: AsyncConnection, at: datetime) -> bool:
    """Return whether a queued job is past its deadline."""
    statement = select(jobs.c.id).where(jobs.c.status == _QUEUED, jobs.c.expires_at <= at).limit(1)
    return await connection.scalar(statement) is not None


async def release_worker(connection: AsyncConnection, job_ids: Sequence[UUID], worker_id: UUID) -> None:
    """Take jobs from a worker that has no task for them any more."""
    await connection.execute(
        update(jobs).where(jobs.c.id.in_(job_ids), jobs.c.worker_id == worker_id).values(worker_id=None)
    )
