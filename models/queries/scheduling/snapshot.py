"""Snapshot of the scheduler's inputs: channels, callers, calls in flight, workers."""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.api_keys import list_keyless
from models.queries.campaigns.closed import calls_of_campaigns, list_closed, list_limited
from models.queries.channels import list_channels
from models.queries.leases import calls_in_flight
from models.queue_status import SchedulerSnapshot
from models.tables import callers, jobs, workers


async def read_snapshot(
    connection: AsyncConnection, *, at: datetime, alive_since: datetime
) -> SchedulerSnapshot:
    """Read the snapshot. A worker is live if its heartbeat is not older than ``alive_since``."""
    working = workers.c.heartbeat_at >= alive_since, workers.c.stopping_at.is_(None)
    broker_error = workers.c.broker_error
    alive, slots, without_broker, error = (
        await connection.execute(
            select(
                *(func.count(), func.coalesce(func.sum(workers.c.slots), 0)),
                *(func.count(broker_error), func.min(broker_error)),
            ).where(*working)
        )
    ).one()
    own = (callers.c.rpm, callers.c.concurrency, callers.c.budget_closed_at)
    limited = select(callers).where(or_(*(column.is_not(None) for column in own)))
    # jobs of stopping or dead workers take none of these slots
    of_live = jobs.c.worker_id.is_not(None), jobs.c.worker_id.in_(select(workers.c.id).where(*working))
    in_flight = select(func.count()).select_from(jobs).where(*of_live)
    limited_campaigns = await list_limited(connection)
    owners = list({row.caller_id for row in limited_campaigns if row.concurrency is not None})
    return SchedulerSnapshot(
        channels=await list_channels(connection),
        calls=await calls_in_flight(connection),
        callers=(await connection.execute(limited)).all(),
        keyless=await list_keyless(connection, at),
        closed=await list_closed(connection, at),
        limited=limited_campaigns,
        campaign_calls=await calls_of_campaigns(connection, owners) if owners else {},
        workers_alive=alive,
        broker_error=error if without_broker == alive else None,
        slots=slots,
        slots_used=await connection.scalar(in_flight) or 0,
    )
