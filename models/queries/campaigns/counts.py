"""Counts of items by state: differences that triggers append, summed on reading, merged by workers."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import ItemState
from models.tables import campaign_counts

_MOST_ROWS = 200  # of one campaign, until they are merged


async def count_items(
    connection: AsyncConnection, campaign_ids: Sequence[UUID]
) -> dict[UUID, dict[ItemState, int]]:
    """Return the number of items of campaigns by state; states without items are left out."""
    if not campaign_ids:
        return {}
    here = campaign_counts.c
    query = (
        select(here.campaign_id, here.state, func.sum(here.delta))
        .where(here.campaign_id.in_(campaign_ids))
        .group_by(here.campaign_id, here.state)
    )
    found: dict[UUID, dict[ItemState, int]] = {key: {} for key in campaign_ids}
    for campaign_id, state, count in await connection.execute(query):
        if count:
            found[campaign_id][ItemState(state)] = int(count)
    return found


async def list_uncompacted(connection: AsyncConnection) -> Sequence[UUID]:
    """Return the campaigns whose differences should be merged."""
    here = campaign_counts.c.campaign_id
    query = select(here).group_by(here).having(func.count() > _MOST_ROWS)
    return (await connection.scalars(query)).all()


async def compact_counts(connection: AsyncConnection, campaign_id: UUID) -> None:
    """Merge the differences of a campaign that this transaction sees; the sums stay the same.

    Differences that others write meanwhile have rows of their own: no writer waits for another.
    """
    here = campaign_counts.c
    gone = delete(campaign_counts).where(here.campaign_id == campaign_id).returning(here.state, here.delta)
    sums: dict[str, int] = {}
    for state, delta in await connection.execute(gone):
        sums[state] = sums.get(state, 0) + delta
    merged = [
        {"campaign_id": campaign_id, "state": state, "delta": delta} for state, delta in sums.items() if delta
    ]
    if merged:
        await connection.execute(insert(campaign_counts), merged)
