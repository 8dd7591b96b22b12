"""Items as an export writes them: with their row, newest take, its call, its pictures and the verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_filter import ItemFilter
from models.queries.assets import list_assets
from models.queries.campaigns.items import conditions
from models.tables import attempts, campaign_rows, jobs, verdicts
from models.tables import campaign_items as items


@dataclass(frozen=True, slots=True)
class ExportedItem:
    """An item with all that an export says of it. Rows that do not exist are ``None``."""

    item: Row[Any]  #: with ``variables``, ``overrides`` and ``line`` of its row
    job: Row[Any] | None
    attempts: Sequence[Row[Any]]  #: the calls of the take, in order
    assets: Sequence[Row[Any]]  #: of its present generation
    verdict: Row[Any] | None  #: that is in force


async def list_exported(
    connection: AsyncConnection,
    campaign_id: UUID,
    wanted: ItemFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> list[ExportedItem]:
    """Return a page of items in the order of their rows and variants."""
    found = await _items(connection, campaign_id, wanted, after, limit)
    takes = await _jobs(connection, [row.job_id for row in found if row.job_id])
    calls = await _attempts(connection, list(takes))
    pictures: dict[UUID | None, list[Row[Any]]] = defaultdict(list)
    for asset in await list_assets(connection, list(takes)):
        job = takes[asset.job_id]
        if asset.generation in (None, job.generation):
            pictures[job.id].append(asset)
    in_force = await _verdicts(connection, [row.id for row in found if row.verdict])
    return [
        ExportedItem(
            row, takes.get(row.job_id), calls[row.job_id], pictures[row.job_id], in_force.get(row.job_id)
        )
        for row in found
    ]


async def list_variables(
    connection: AsyncConnection, campaign_id: UUID, *, from_position: int, limit: int
) -> Sequence[tuple[int, Mapping[str, str]]]:
    """Return position and variables of rows, from a position."""
    here = campaign_rows.c
    query = select(here.position, here.variables).where(
        here.campaign_id == campaign_id, here.position >= from_position
    )
    found = await connection.execute(query.order_by(here.position).limit(limit))
    return [(row.position, row.variables) for row in found]


async def _items(
    connection: AsyncConnection,
    campaign_id: UUID,
    wanted: ItemFilter,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    own_row = and_(campaign_rows.c.campaign_id == items.c.campaign_id, campaign_rows.c.key == items.c.key)
    query = (
        select(items, campaign_rows.c.variables, campaign_rows.c.overrides, campaign_rows.c.line)
        .select_from(items.outerjoin(campaign_rows, own_row))
        .where(items.c.campaign_id == campaign_id, *conditions(wanted))
        .order_by(items.c.position, items.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(items.c.position, items.c.id) > tuple_(*after))
    return (await connection.execute(query)).all()


async def _jobs(connection: AsyncConnection, job_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    query = select(jobs).where(jobs.c.id.in_(job_ids))
    return {row.id: row for row in await connection.execute(query)}


async def _verdicts(connection: AsyncConnection, item_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Return the verdict in force by take: the latest of a person, else of a machine."""
    query = select(verdicts).where(verdicts.c.item_id.in_(item_ids), verdicts.c.undone_at.is_(None))
    query = query.order_by(verdicts.c.source == "person", verdicts.c.id)
    return {row.job_id: row for row in await connection.execute(query)}


async def _attempts(
    connection: AsyncConnection, job_ids: Sequence[UUID]
) -> Mapping[UUID | None, Sequence[Row[Any]]]:
    query = select(attempts).where(attempts.c.job_id.in_(job_ids))
    found: dict[UUID | None, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(query.order_by(attempts.c.job_id, attempts.c.number)):
        found[row.job_id].append(row)
    return found
