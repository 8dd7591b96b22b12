"""Snapshot of the scheduler's inputs: channels, callers, calls in flight, workers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.api_keys import list_keyless
from models.queries.campaigns.closed import calls_of_campaigns, list_closed, list_limited
from models.queries.channels import list_channels
from models.queries.dashboard.combined_reads import read_together
from models.queries.leases import calls_in_flight
from models.queue_status import SchedulerSnapshot
from models.tables import callers, jobs, workers


async def read_snapshot(
    connection: AsyncConnection, *, at: datetime, alive_since: datetime
) -> SchedulerSnapshot:
    """Read the snapshot, by one statement; a worker is live if its heartbeat is since ``alive_since``."""
    working = workers.c.heartbeat_at >= alive_since, workers.c.stopping_at.is_(None)
    broker_error = workers.c.broker_error
    live = select(
        *(func.count(), func.coalesce(func.sum(workers.c.slots), 0)),
        *(func.count(broker_error), func.min(broker_error)),
    ).where(*working)
    own = (callers.c.rpm, callers.c.concurrency, callers.c.budget_closed_at)
    limited = select(callers).where(or_(*(column.is_not(None) for column in own)))
    # jobs of stopping or dead workers take none of these slots
    of_live = jobs.c.worker_id.is_not(None), jobs.c.worker_id.in_(select(workers.c.id).where(*working))
    in_flight = select(func.count()).select_from(jobs).where(*of_live)
    (
        workers_now,
        used,
        every_channel,
        calls,
        own_limits,
        keyless,
        closed,
        (campaigns, campaign_calls),
    ) = await read_together(
        connection,
        lambda each: each.execute(live),
        lambda each: each.scalar(in_flight),
        list_channels,
        calls_in_flight,
        lambda each: each.execute(limited),
        partial(list_keyless, at=at),
        partial(list_closed, at=at),
        _limited_campaigns,
    )
    alive, slots, without_broker, error = workers_now.one()
    return SchedulerSnapshot(
        channels=every_channel,
        calls=calls,
        callers=own_limits.all(),
        keyless=keyless,
        closed=closed,
        limited=campaigns,
        campaign_calls=campaign_calls,
        workers_alive=alive,
        broker_error=error if without_broker == alive else None,
        slots=slots,
        slots_used=used or 0,
    )


async def _limited_campaigns(
    connection: AsyncConnection,
) -> tuple[Sequence[Row[Any]], Mapping[tuple[UUID, str], int]]:
    """Return the campaigns with limits of their own and, by a further statement, calls of their callers."""
    found = await list_limited(connection)
    owners = list({row.caller_id for row in found if row.concurrency is not None})
    return found, await calls_of_campaigns(connection, owners) if owners else {}
