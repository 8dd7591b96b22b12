"""What stands between queued jobs and their calls: channels, calls in flight, living workers."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import channels, jobs, workers
from models.waiting import ChannelState, Gate


async def read_gate(connection: AsyncConnection, *, alive_since: datetime) -> Gate:
    """Read the gate's state. A worker lives if its heartbeat is not older than ``alive_since``."""
    in_flight = (
        select(func.count())
        .where(
            jobs.c.channel_id == channels.c.id,
            jobs.c.worker_id.is_not(None),
            jobs.c.status.in_(("leased", "running")),
        )
        .scalar_subquery()
    )
    query = select(channels, in_flight.label("in_flight")).where(channels.c.configured)
    states = tuple(
        ChannelState(
            name=row.name,
            models=tuple(row.models),
            concurrency=row.concurrency,
            in_flight=row.in_flight,
            paused_at=row.paused_at,
            paused_reason=row.paused_reason,
            tripped_at=row.tripped_at,
            tripped_reason=row.tripped_reason,
            blocked_models=row.blocked_models or {},
            cooldown_until=row.cooldown_until,
            cooldown_reason=row.cooldown_reason,
            next_start_at=row.next_start_at,
        )
        for row in await connection.execute(query)
    )
    alive = select(func.count()).where(workers.c.heartbeat_at >= alive_since, workers.c.stopping_at.is_(None))
    return Gate(states, workers_alive=(await connection.execute(alive)).scalar_one())
