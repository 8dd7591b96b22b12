"""Webhook endpoints and the newest deliveries, of one caller or of all."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import callers
from models.tables import webhook_deliveries as deliveries
from models.tables import webhook_endpoints as endpoints


async def list_endpoints(
    connection: AsyncConnection, caller_id: UUID | None, *, limit: int
) -> Sequence[Row[Any]]:
    """Return endpoints with the names of their callers, without secrets, oldest first."""
    query: Select[Any] = (
        select(
            endpoints.c.id,
            endpoints.c.url,
            endpoints.c.description,
            endpoints.c.events,
            endpoints.c.created_at,
            endpoints.c.disabled_at,
            endpoints.c.disabled_reason,
            callers.c.name.label("caller"),
        )
        .join(callers, callers.c.id == endpoints.c.caller_id)
        .where(endpoints.c.deleted_at.is_(None), endpoints.c.url.is_not(None))
        .order_by(endpoints.c.id)
        .limit(limit)
    )
    if caller_id is not None:
        query = query.where(endpoints.c.caller_id == caller_id)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def newest_deliveries(
    connection: AsyncConnection, caller_id: UUID | None, *, limit: int
) -> Sequence[Row[Any]]:
    """Return the newest deliveries, newest first."""
    here = deliveries.c
    columns = here.id, here.job_id, here.url, here.event, here.status, here.tries, here.at, here.log
    query: Select[Any] = select(*columns, here.next_at).order_by(here.id.desc()).limit(limit)
    if caller_id is not None:
        query = query.where(here.caller_id == caller_id)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows
