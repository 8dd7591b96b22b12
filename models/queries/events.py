"""What happened to a job, revision by revision."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import events


async def list_events(
    connection: AsyncConnection, job_id: UUID, *, after: int, limit: int = 500
) -> Sequence[Row[Any]]:
    """Return a job's events with a revision above ``after``, in order."""
    query = select(events).where(events.c.job_id == job_id, events.c.revision > after)
    return (await connection.execute(query.order_by(events.c.revision).limit(limit))).all()
