"""The delivery log as callers read it, and replays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import first_id
from models.webhook_events import DeliveryStatus
from models.webhook_tables import webhook_deliveries as deliveries


async def find_delivery(
    connection: AsyncConnection, delivery_id: UUID, *, caller_id: UUID
) -> Row[Any] | None:
    """Return a caller's delivery, or ``None``."""
    query = select(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.caller_id == caller_id)
    return (await connection.execute(query)).one_or_none()


async def list_deliveries(
    connection: AsyncConnection,
    caller_id: UUID,
    endpoint_id: UUID | None,
    *,
    status: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of the deliveries to an endpoint, or to jobs' own addresses, newest first.

    Ordered by all of the index's columns, and on PostgreSQL compared by ranges, for the reason that
    ``list_jobs`` gives.
    """
    mine, caller = deliveries.c.endpoint_id, deliveries.c.caller_id
    query = select(deliveries)
    if connection.dialect.name == "sqlite":
        query = query.where(
            caller == caller_id, mine.is_(None) if endpoint_id is None else mine == endpoint_id
        )
        query = query.order_by(deliveries.c.id.desc())
    else:
        query = query.where(caller >= caller_id, caller <= caller_id)
        to = (mine.is_(None),) if endpoint_id is None else (mine >= endpoint_id, mine <= endpoint_id)
        query = query.where(*to).order_by(caller.desc(), mine.desc(), deliveries.c.id.desc())
    if status is not None:
        query = query.where(deliveries.c.status == status)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    rows: Sequence[Row[Any]] = (await connection.execute(query.limit(limit))).all()
    return rows


async def replay(
    connection: AsyncConnection, delivery_id: UUID, *, url: str, host: str, at: datetime
) -> bool:
    """Send a delivery that has ended once more, from the first try on. ``False`` if it has not ended."""
    result = await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.status != DeliveryStatus.PENDING)
        .values(
            url=url,
            host=host,
            status=DeliveryStatus.PENDING,
            replayed=True,
            tries=0,
            next_at=at,
            claim=None,
            ended_at=None,
        )
    )
    return result.rowcount == 1


async def redirect_pending(connection: AsyncConnection, endpoint_id: UUID, *, url: str, host: str) -> None:
    """Send what waits for an endpoint to its new address."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == DeliveryStatus.PENDING)
        .values(url=url, host=host)
    )


async def prune_deliveries(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Forget deliveries that were born, and have ended, before a time; return how many, up to ``limit``.

    What is still to be sent stays. Found by id, which is ordered by birth, so the young ones are not read.
    """
    old = (
        select(deliveries.c.id)
        .where(deliveries.c.id < first_id(before), deliveries.c.status != DeliveryStatus.PENDING)
        .where(or_(deliveries.c.ended_at.is_(None), deliveries.c.ended_at < before))
        .order_by(deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    result = await connection.execute(delete(deliveries).where(deliveries.c.id.in_(old)))
    return result.rowcount
