"""What the page of a job shows beside the job: its webhook deliveries."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import webhook_deliveries as deliveries

_MOST = 50


async def list_job_deliveries(connection: AsyncConnection, job_id: UUID) -> Sequence[Row[Any]]:
    """Return the newest deliveries of a job, newest first."""
    columns = (deliveries.c.id, deliveries.c.event, deliveries.c.url, deliveries.c.status, deliveries.c.tries)
    query: Select[Any] = select(*columns, deliveries.c.next_at, deliveries.c.ended_at, deliveries.c.log)
    query = query.where(deliveries.c.job_id == job_id).order_by(deliveries.c.id.desc()).limit(_MOST)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows
