"""Webhook endpoints and deliveries of one caller or of all, with the names of their callers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.unreadable import readable
from models.tables import callers
from models.tables import webhook_deliveries as deliveries
from models.tables import webhook_endpoints as endpoints


async def list_all_endpoints(
    connection: AsyncConnection, caller_id: UUID | None, *, after: UUID | None = None, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of the endpoints of a caller (``None``: of all), oldest first, with its name."""
    query = select(endpoints, callers.c.name.label("caller")).join(
        callers, callers.c.id == endpoints.c.caller_id
    )
    query = query.where(*_of(endpoints, caller_id))
    if after is not None:
        query = query.where(endpoints.c.id > after)
    return (
        await connection.execute(
            query.where(endpoints.c.url.is_not(None), endpoints.c.deleted_at.is_(None))
            .order_by(endpoints.c.id)
            .limit(limit)
        )
    ).all()


async def newest_deliveries(
    connection: AsyncConnection, caller_id: UUID | None, *, before: UUID | None = None, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of a caller's deliveries (``None``: of all), newest first, with its name."""
    columns = (each for each in deliveries.c if each.name != "snapshot")  # which no list shows
    query = select(*columns, callers.c.name.label("caller"))
    query = query.join(callers, callers.c.id == deliveries.c.caller_id)
    query = query.where(*_of(deliveries, caller_id))
    if before is not None:
        query = query.where(deliveries.c.id < before)
    newest = query.order_by(deliveries.c.id.desc()).limit(limit)
    return readable(await connection.execute(newest), "webhook delivery")


def _of(table: Table, caller_id: UUID | None) -> Sequence[ColumnElement[bool]]:
    return () if caller_id is None else (table.c.caller_id == caller_id,)
