"""Verdicts: only added, or marked as undone; and which item a reviewer is given next.

In force for a take is the latest verdict of a person, else the latest of a machine. Items are locked before
their verdicts are written: so the order of ids is the order of the verdicts of an item.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, case, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import ItemState
from models.tables import campaign_items as items
from models.tables import review_claims as claims
from models.tables import verdicts

NONE = "none"  #: a verdict that takes back others: the item is unjudged
_ROWS = 500  # verdicts of one statement
_PERSON_FIRST = case((verdicts.c.source == "person", 0), else_=1)


async def lock_chosen(
    connection: AsyncConnection, chosen: Sequence[ColumnElement[bool]], *, limit: int
) -> Sequence[Row[Any]]:
    """Lock items that meet these conditions, and return id and newest take of each."""
    query: Select[Any] = select(items.c.id, items.c.job_id).where(*chosen, items.c.job_id.is_not(None))
    query = query.order_by(items.c.id).limit(limit).with_for_update()
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


async def insert_verdicts(
    connection: AsyncConnection, decided: Sequence[Row[Any]], values: Mapping[str, Any]
) -> None:
    """Add a verdict on the newest take of each of these locked items, and bring it into force."""
    rows = [{**values, "item_id": row.id, "job_id": row.job_id} for row in decided]
    for begin in range(0, len(rows), _ROWS):
        chunk = rows[begin : begin + _ROWS]
        await connection.execute(insert(verdicts), chunk)
        await _enforce(connection, [row["item_id"] for row in chunk])


async def undo_verdicts(connection: AsyncConnection, action_id: UUID, at: datetime) -> int:
    """Mark the verdicts of an action as undone; those before come into force again. Return how many."""
    of_action = verdicts.c.action_id == action_id, verdicts.c.undone_at.is_(None)
    ids = (await connection.scalars(select(verdicts.c.item_id).where(*of_action))).all()
    for begin in range(0, len(ids), _ROWS):
        chunk = sorted(ids)[begin : begin + _ROWS]
        await connection.execute(
            select(items.c.id).where(items.c.id.in_(chunk)).order_by(items.c.id).with_for_update()
        )
    await connection.execute(update(verdicts).where(*of_action).values(undone_at=at))
    for begin in range(0, len(ids), _ROWS):
        await _enforce(connection, ids[begin : begin + _ROWS])
    return len(ids)


async def _enforce(connection: AsyncConnection, item_ids: Sequence[UUID]) -> None:
    statement = update(items).where(items.c.id.in_(item_ids))
    await connection.execute(statement.values(verdict=_in_force()))


def _in_force() -> ScalarSelect[Any]:
    return (
        select(func.nullif(verdicts.c.verdict, NONE))
        .where(
            verdicts.c.item_id == items.c.id,
            verdicts.c.job_id == items.c.job_id,
            verdicts.c.undone_at.is_(None),
        )
        .order_by(_PERSON_FIRST, verdicts.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


async def verdicts_of(connection: AsyncConnection, item_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the verdicts on items in order, also those that were undone."""
    query: Select[Any] = select(verdicts).where(verdicts.c.item_id.in_(item_ids))
    found: Sequence[Row[Any]] = (await connection.execute(query.order_by(verdicts.c.id))).all()
    return found


async def next_unjudged(
    connection: AsyncConnection, campaign_id: UUID, reviewer: UUID, *, after: int | None, at: datetime
) -> Row[Any] | None:
    """Return the first item with a picture and without a verdict that no other reviewer has now.

    ``after``: the position of an item that is left for later.
    """
    query: Select[Any] = (
        select(items)
        .select_from(items.outerjoin(claims, claims.c.item_id == items.c.id))
        .where(
            items.c.campaign_id == campaign_id,
            items.c.state == ItemState.MADE.value,
            or_(claims.c.item_id.is_(None), claims.c.until <= at, claims.c.reviewer == reviewer),
        )
    )
    if after is not None:
        query = query.where(items.c.position > after)
    query = query.order_by(items.c.position, items.c.id).limit(1)
    found: Row[Any] | None = (await connection.execute(query)).first()
    return found


async def claim_review(
    connection: AsyncConnection, item_id: UUID, reviewer: UUID, *, until: datetime, at: datetime
) -> bool:
    """Give an item to a reviewer for a while; ``False`` if another one has it."""
    make = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement: Any = make(claims).values(item_id=item_id, reviewer=reviewer, until=until)
    statement = statement.on_conflict_do_update(
        index_elements=[claims.c.item_id],
        set_={"reviewer": reviewer, "until": until},
        where=or_(claims.c.until <= at, claims.c.reviewer == reviewer),
    ).returning(claims.c.item_id)
    return (await connection.execute(statement)).first() is not None


async def find_position(connection: AsyncConnection, campaign_id: UUID, item_id: UUID) -> int | None:
    """Return the position of an item of a campaign."""
    query = select(items.c.position).where(items.c.campaign_id == campaign_id, items.c.id == item_id)
    return await connection.scalar(query)
