"""Campaigns in dispatch: which are closed now, and which have limits or a weight of their own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Update, and_, func, literal_column, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.bulk import rows_parameter, rows_source
from models.queue_status import ClosedCampaign, WaitReason
from models.tables import campaigns, jobs

_RESERVED = "Calls in flight have reserved what is left."
_CALLING = ("leased", "running", "cancelled")  # as ``models.queries.leases`` counts calls in flight


async def list_closed(connection: AsyncConnection, at: datetime) -> list[ClosedCampaign]:
    """Return the campaigns that are closed at this time; a small read of a partial index."""
    here = campaigns.c
    shut = or_(here.closed.is_not(None), here.opens_at > at, here.closes_at <= at)
    indexed = or_(here.closed.is_not(None), here.opens_at.is_not(None), here.closes_at.is_not(None))
    paused: Select[Any] = select(
        here.caller_id,
        here.name,
        here.closed,
        here.paused_detail,
        here.paused_at,
        here.paused_until,
        here.opens_at,
        here.updated_at,
    ).where(indexed, shut)
    waiting = select(
        here.caller_id,
        here.name,
        literal_column(f"'{WaitReason.CAMPAIGN_BUDGET.value}'"),
        literal_column(f"'{_RESERVED}'"),
        here.paused_at,
        here.budget_wait_until,
        here.opens_at,
        here.updated_at,
    ).where(here.budget_wait_until > at, here.budget_wait_until.is_not(None), here.closed.is_(None))
    return [_closed(row, at) for row in await connection.execute(union_all(paused, waiting))]


def _closed(row: Row[Any], at: datetime) -> ClosedCampaign:
    if row.closed is not None:
        known = row.closed in set(WaitReason)
        reason = WaitReason(row.closed) if known else WaitReason.CAMPAIGN_PAUSED
        since = row.paused_at or row.updated_at
        return ClosedCampaign(row.caller_id, row.name, reason, since, row.paused_detail, row.paused_until)
    until = row.opens_at if row.opens_at is not None and row.opens_at > at else None
    return ClosedCampaign(row.caller_id, row.name, WaitReason.CAMPAIGN_WINDOW, row.updated_at, None, until)


async def list_limited(
    connection: AsyncConnection, caller_ids: Sequence[UUID] | None = None
) -> Sequence[Row[Any]]:
    """Return the campaigns of these callers (``None``: all) with limits or a weight of their own.

    A dispatch round reads them once it has locked their callers: no other round changes their state then.
    """
    here = campaigns.c
    limited = or_(here.rpm.is_not(None), here.concurrency.is_not(None), here.weight != literal_column("1"))
    query: Select[Any] = select(
        *(here[name] for name in ("caller_id", "name", "rpm", "concurrency", "weight")),
        here.next_start_at,
        here.deficit,
    ).where(limited)
    if caller_ids is not None:
        query = query.where(here.caller_id.in_(caller_ids))
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


async def calls_of_campaigns(
    connection: AsyncConnection, caller_ids: Sequence[UUID]
) -> Mapping[tuple[UUID, str], int]:
    """Count the calls in flight, or leased to start soon, of each campaign of these callers."""
    query = (
        select(jobs.c.caller_id, jobs.c.campaign, func.count())
        .where(jobs.c.worker_id.is_not(None), jobs.c.status.in_(_CALLING))
        .where(jobs.c.caller_id.in_(caller_ids), jobs.c.campaign.is_not(None))
        .group_by(jobs.c.caller_id, jobs.c.campaign)
    )
    return {(row[0], row[1]): row[2] for row in await connection.execute(query)}


async def save_shares(connection: AsyncConnection, shares: Sequence[Mapping[str, Any]]) -> None:
    """Save the rates and turns of campaigns: caller_id, name, next_start_at and deficit of each."""
    if shares:
        await connection.execute(_save(connection.dialect.name), rows_parameter(connection, shares))


@lru_cache(maxsize=2)
def _save(dialect: str) -> Update:
    names = ("caller_id", "name", "next_start_at", "deficit")
    given = rows_source(dialect, [campaigns.c[name] for name in names])
    same = and_(campaigns.c.caller_id == given.c.caller_id, campaigns.c.name == given.c.name)
    return update(campaigns).where(same).values(next_start_at=given.c.next_start_at, deficit=given.c.deficit)
