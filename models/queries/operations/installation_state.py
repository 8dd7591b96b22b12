"""State of an installation, for metrics and alerts: queues, channels, workers, webhooks, campaigns, money."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal_column, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import ItemState
from models.campaigns.status import CampaignKind, CampaignStatus
from models.queries.api_keys import list_keyless
from models.queries.campaigns.closed import list_closed
from models.queries.channels import list_channels
from models.queries.leases import calls_in_flight
from models.queue_status import WaitReason
from models.states import OPEN, JobStatus
from models.tables import (
    attempts,
    callers,
    campaign_counts,
    campaigns,
    channels,
    jobs,
    webhook_deliveries,
    webhook_endpoints,
    workers,
)
from models.webhook_events import DeliveryStatus

_QUEUED: ColumnElement[str] = literal_column("'queued'")  # as the partial indexes have it
_PENDING: ColumnElement[str] = literal_column(f"'{DeliveryStatus.PENDING.value}'")
_STARTED = sorted(status.value for status in OPEN - {JobStatus.QUEUED})


@dataclass(frozen=True, slots=True)
class ModelQueue:
    """Queued jobs of one model."""

    due: int = 0  #: may start by their time, caller and campaign
    scheduled: int = 0  #: start later: a due time, a back-off
    closed: int = 0  #: their campaign or caller lets none start
    oldest_due: datetime | None = None  #: since when the first of the due ones may start


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker, with its jobs in flight."""

    name: str
    slots: int
    busy: int
    heartbeat_at: datetime
    stopping: bool
    broker_error: str | None = None  #: why it gets no messages from the broker, by its own check


@dataclass(frozen=True, slots=True)
class Backlog:
    """Webhook messages that wait to be sent."""

    pending: int
    oldest: datetime | None  #: time of the event of the oldest one


@dataclass(frozen=True, slots=True)
class InstallationState:
    """What one read of the database shows."""

    at: datetime
    jobs: Mapping[str, int]  #: open jobs by status
    queues: Mapping[str, ModelQueue]  #: by model
    channels: Sequence[Row[Any]]
    calls: Mapping[UUID, int]  #: calls in flight by channel
    workers: Sequence[WorkerState]
    webhooks: Backlog
    endpoints: Mapping[str, int]  #: webhook endpoints that are active or disabled
    items: Mapping[str, int]  #: items of campaigns by state
    campaigns: Mapping[str, int]  #: planned campaigns by status
    budget_paused: int  #: campaigns and callers of which no call starts, for their budget


async def read_state(connection: AsyncConnection, at: datetime) -> InstallationState:
    """Read the state; a few scans of indexes, whatever the number of ended jobs."""
    queues = await _queues(connection, at)
    counted = dict.fromkeys(sorted(status.value for status in OPEN), 0)
    counted |= await _started(connection)
    counted[JobStatus.QUEUED.value] = sum(each.due + each.scheduled + each.closed for each in queues.values())
    calls: dict[UUID, int] = {}
    for row in await calls_in_flight(connection, of_callers=False):
        calls[row.channel_id] = calls.get(row.channel_id, 0) + row.calls
    return InstallationState(
        at=at,
        jobs=counted,
        queues=queues,
        channels=await list_channels(connection),
        calls=calls,
        workers=await _workers(connection),
        webhooks=await _webhooks(connection),
        endpoints=await _endpoints(connection),
        items=await _items(connection),
        campaigns=await _campaigns(connection),
        budget_paused=await _budget_paused(connection),
    )


async def _queues(connection: AsyncConnection, at: datetime) -> dict[str, ModelQueue]:
    """Count the queued jobs from the partial index; those of closed campaigns and callers apart.

    Only for callers with closed campaigns are the jobs' rows read.
    """
    closed = {(each.caller_id, each.name) for each in await list_closed(connection, at)}
    owners = {caller for caller, _ in closed}
    keyless = {each.id for each in await list_keyless(connection, at)}
    rows = [*await connection.execute(_queued(at, owners, by_campaign=False))]
    if owners:
        rows += await connection.execute(_queued(at, owners, by_campaign=True))
    found: dict[str, ModelQueue] = {}
    for model, caller, campaign, ready, later, oldest in rows:
        before = found.get(model, ModelQueue())
        if caller in keyless or (caller, campaign) in closed:
            found[model] = _with(before, closed=int(ready) + int(later))
        else:
            found[model] = _with(before, due=int(ready), scheduled=int(later), oldest=oldest)
    return found


def _queued(at: datetime, owners: Collection[UUID], *, by_campaign: bool) -> Select[Any]:
    due = jobs.c.not_before <= at
    campaign: ColumnElement[Any] = jobs.c.campaign if by_campaign else null()
    by = (jobs.c.model, jobs.c.caller_id, *((jobs.c.campaign,) if by_campaign else ()))
    own = jobs.c.caller_id.in_(owners) if by_campaign else jobs.c.caller_id.not_in(owners)
    return (
        select(
            *(jobs.c.model, jobs.c.caller_id, campaign),
            func.sum(case((due, 1), else_=0)),
            func.sum(case((due, 0), else_=1)),
            func.min(case((due, jobs.c.not_before)), type_=jobs.c.not_before.type),
        )
        .where(jobs.c.status == _QUEUED, own)
        .group_by(*by)
    )


def _with(
    queue: ModelQueue, *, due: int = 0, scheduled: int = 0, closed: int = 0, oldest: datetime | None = None
) -> ModelQueue:
    times = [time for time in (queue.oldest_due, oldest) if isinstance(time, datetime)]
    return ModelQueue(
        queue.due + due, queue.scheduled + scheduled, queue.closed + closed, min(times, default=None)
    )


async def _started(connection: AsyncConnection) -> dict[str, int]:
    """Count open jobs that are not queued, from the index on caller and status alone."""
    join = callers.join(jobs, and_(jobs.c.caller_id == callers.c.id, jobs.c.status.in_(_STARTED)))
    query = select(jobs.c.status, func.count()).select_from(join).group_by(jobs.c.status)
    return {status: int(number) for status, number in await connection.execute(query)}


async def _workers(connection: AsyncConnection) -> list[WorkerState]:
    held = select(jobs.c.worker_id, func.count()).where(jobs.c.worker_id.is_not(None))
    busy = {key: int(number) for key, number in await connection.execute(held.group_by(jobs.c.worker_id))}
    rows = await connection.execute(select(workers).order_by(workers.c.id))
    return [
        WorkerState(
            *(row.name, row.slots, busy.get(row.id, 0), row.heartbeat_at),
            stopping=row.stopping_at is not None,
            broker_error=row.broker_error,
        )
        for row in rows
    ]


async def _webhooks(connection: AsyncConnection) -> Backlog:
    here = webhook_deliveries.c
    oldest = func.min(here.at, type_=here.at.type)
    query = select(func.count(), oldest).where(here.status == _PENDING)
    row = (await connection.execute(query)).one()
    return Backlog(int(row[0]), row[1] if isinstance(row[1], datetime) else None)


async def _endpoints(connection: AsyncConnection) -> dict[str, int]:
    here = webhook_endpoints.c
    disabled = func.sum(case((here.disabled_at.is_not(None), 1), else_=0))
    query = select(func.count(), disabled).where(here.deleted_at.is_(None), here.url.is_not(None))
    total, off = (await connection.execute(query)).one()
    return {"active": int(total) - int(off or 0), "disabled": int(off or 0)}


async def _items(connection: AsyncConnection) -> dict[str, int]:
    here = campaign_counts.c
    rows = await connection.execute(select(here.state, func.sum(here.delta)).group_by(here.state))
    return dict.fromkeys((state.value for state in ItemState), 0) | {
        state: int(number) for state, number in rows
    }


async def _campaigns(connection: AsyncConnection) -> dict[str, int]:
    here = campaigns.c
    query = select(here.status, func.count()).where(here.kind == CampaignKind.PLANNED.value)
    rows = await connection.execute(query.group_by(here.status))
    return dict.fromkeys((status.value for status in CampaignStatus), 0) | {
        status: int(number) for status, number in rows
    }


async def _budget_paused(connection: AsyncConnection) -> int:
    shut = select(func.count()).where(campaigns.c.closed == WaitReason.CAMPAIGN_BUDGET.value)
    closed = select(func.count()).where(callers.c.budget_closed_at.is_not(None))
    return int(await connection.scalar(shut) or 0) + int(await connection.scalar(closed) or 0)


@dataclass(frozen=True, slots=True)
class SpentAmount:
    """Settled cost of the calls that were sent in a period, in millionths."""

    currency: str
    outcome: str
    micro: int


async def spent_since(
    connection: AsyncConnection, since: datetime, until: datetime | None = None
) -> list[SpentAmount]:
    """Return the settled costs of calls sent since then (and before ``until``), by currency and outcome."""
    here = attempts.c
    query = select(here.currency, here.outcome, func.sum(here.cost_micro)).where(
        here.cost_micro > 0, here.outcome.is_not(None), here.currency.is_not(None)
    )
    query = query.where(*await sent_since(connection, since, until)).group_by(here.currency, here.outcome)
    return [SpentAmount(row[0], row[1], int(row[2])) for row in await connection.execute(query)]


async def count_unpriced(connection: AsyncConnection, since: datetime) -> int:
    """Count the calls since then that were charged and of which no price is known."""
    here = attempts.c
    query = select(func.count()).where(here.billed == "yes", here.cost_micro.is_(None))
    return int(await connection.scalar(query.where(*await sent_since(connection, since))) or 0)


async def count_ended(connection: AsyncConnection, since: datetime) -> dict[tuple[str, str], int]:
    """Count calls that were sent since then and have ended, by channel and outcome."""
    here = attempts.c
    query = select(here.channel, here.outcome, func.count()).where(here.outcome.is_not(None))
    query = query.where(*await sent_since(connection, since)).group_by(here.channel, here.outcome)
    return {(row[0], row[1]): int(row[2]) for row in await connection.execute(query)}


async def sent_since(
    connection: AsyncConnection, since: datetime, until: datetime | None = None
) -> list[Any]:
    """Return conditions on the time of a call that an index by channel serves."""
    names = (await connection.scalars(select(channels.c.name))).all()
    conditions = [attempts.c.channel.in_(names), attempts.c.sent_at > since]
    return conditions if until is None else [*conditions, attempts.c.sent_at <= until]
