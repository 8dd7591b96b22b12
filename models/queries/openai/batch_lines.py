"""Lines of a batch in the order of its input: each with its item, its job and its pictures."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import ItemState
from models.queries.assets import list_assets
from models.queries.jobs import list_attempts
from models.serializers import is_present
from models.tables import campaign_items as items
from models.tables import campaign_rows as rows
from models.tables import jobs

OPEN = (ItemState.WAITING.value, ItemState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A line of a batch."""

    position: int
    custom_id: str
    item_id: UUID | None  #: none: it was never started
    state: str | None  #: of its item
    job: Row[Any] | None  #: its newest take; none also if it was deleted
    assets: Sequence[Row[Any]]  #: of its present generation, in order
    attempts: Sequence[Row[Any]]


async def list_lines(
    connection: AsyncConnection, campaign_id: UUID, *, from_position: int, limit: int
) -> list[BatchLine]:
    """Return lines in order, from a position."""
    own = and_(items.c.campaign_id == rows.c.campaign_id, items.c.key == rows.c.key, items.c.variant == "")
    query = (
        select(rows.c.position, rows.c.key, items.c.id, items.c.state, items.c.job_id)
        .select_from(rows.outerjoin(items, own))
        .where(rows.c.campaign_id == campaign_id, rows.c.position >= from_position)
        .order_by(rows.c.position)
        .limit(limit)
    )
    found = (await connection.execute(query)).all()
    keys = [row.job_id for row in found if row.job_id is not None]
    takes = {job.id: job for job in await connection.execute(select(jobs).where(jobs.c.id.in_(keys)))}
    pictures, calls = defaultdict[UUID, list[Row[Any]]](list), defaultdict[UUID, list[Row[Any]]](list)
    for asset in await list_assets(connection, list(takes)):
        if is_present(takes[asset.job_id], asset):
            pictures[asset.job_id].append(asset)
    for attempt in await list_attempts(connection, list(takes)):
        calls[attempt.job_id].append(attempt)
    return [
        BatchLine(
            row.position,
            row.key,
            row.id,
            row.state,
            takes.get(row.job_id),
            sorted(pictures[row.job_id], key=lambda asset: asset.position),
            calls[row.job_id],
        )
        for row in found
    ]


async def any_expired(connection: AsyncConnection, campaign_id: UUID) -> bool:
    """Return whether a line has expired before it was called."""
    query = select(items.c.id).where(items.c.campaign_id == campaign_id, items.c.error == "expired")
    return await connection.scalar(query.limit(1)) is not None
