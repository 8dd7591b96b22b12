"""Worker rows: heartbeats, dead workers, and the channels that each knows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import jobs, workers
from models.text_order import code_points

Fingerprint = Mapping[str, Any]  #: a channel's settings by member, its key as a hash


class Registration(NamedTuple):
    """A worker, and the channels that it knows by name; ``None``: its version does not say."""

    worker_id: UUID
    worker: str
    started_at: datetime
    channels: Mapping[str, Fingerprint] | None


async def write_heartbeat(connection: AsyncConnection, worker: Mapping[str, Any], at: datetime) -> bool:
    """Write a worker's heartbeat, and return whether it is asked to stop.

    ``worker`` has its other columns, for the case that its row is missing.
    """
    statement = (
        update(workers)
        .where(workers.c.id == worker["id"])
        .values(
            heartbeat_at=at, stopping_at=worker.get("stopping_at"), broker_error=worker.get("broker_error")
        )
    )
    row = (await connection.execute(statement.returning(workers.c.stop_requested_at))).one_or_none()
    if row is None:
        await connection.execute(insert(workers).values(**worker, heartbeat_at=at))
    return row is not None and row.stop_requested_at is not None


async def request_stop(connection: AsyncConnection, worker_id: UUID, at: datetime) -> None:
    """Ask a worker to stop; it learns of it with its next heartbeat."""
    running = workers.c.id == worker_id, workers.c.stop_requested_at.is_(None)
    await connection.execute(update(workers).where(*running).values(stop_requested_at=at))


async def list_workers(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return all workers by name."""
    return (await connection.execute(select(workers).order_by(code_points(workers.c.name)))).all()


async def list_registrations(connection: AsyncConnection, since: datetime) -> list[Registration]:
    """Return which channels the workers know that have beaten since then."""
    columns = (workers.c.id, workers.c.name, workers.c.started_at, workers.c.channels)
    statement = select(*columns).where(workers.c.heartbeat_at >= since).order_by(workers.c.started_at)
    return [Registration(*row) for row in await connection.execute(statement)]


async def count_alive(connection: AsyncConnection, since: datetime) -> int:
    """Count the workers whose last heartbeat is later than ``since``."""
    statement = select(func.count()).select_from(workers).where(workers.c.heartbeat_at > since)
    return await connection.scalar(statement) or 0


async def first_worker(connection: AsyncConnection) -> UUID | None:
    """Return the id of the worker that was started first, of those that are not reaped."""
    return await connection.scalar(select(workers.c.id).order_by(workers.c.id).limit(1))


async def dead_workers(connection: AsyncConnection, since: datetime) -> Sequence[UUID]:
    """Return the ids of workers whose last heartbeat is earlier than ``since``."""
    return (await connection.scalars(select(workers.c.id).where(workers.c.heartbeat_at < since))).all()


async def unknown_workers(connection: AsyncConnection) -> Sequence[UUID]:
    """Return the ids of workers that have no row although jobs are leased to them."""
    statement = (
        select(jobs.c.worker_id)
        .where(jobs.c.worker_id.is_not(None), jobs.c.worker_id.not_in(select(workers.c.id)))
        .distinct()
    )
    return [key for key in await connection.scalars(statement) if key is not None]


async def delete_worker(
    connection: AsyncConnection, worker_id: UUID, silent_since: datetime | None = None
) -> bool:
    """Delete a worker's row and return whether it did.

    With ``silent_since``, only if its last heartbeat is earlier.
    """
    statement = delete(workers).where(workers.c.id == worker_id)
    if silent_since is not None:
        statement = statement.where(workers.c.heartbeat_at < silent_since)
    return (await connection.execute(statement)).rowcount > 0
