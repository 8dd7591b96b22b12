"""Bulk actions: insert with a frozen set of items, claim, go through in chunks, abort, list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import ActionKind, ActionStatus
from models.queries.selection import action_claims
from models.tables import action_items, actions
from models.tables import campaign_items as items


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A bulk action as it is stored."""

    id: UUID
    caller_id: UUID
    campaign_id: UUID
    kind: str
    status: str
    parameters: Mapping[str, Any]
    filter: Mapping[str, Any] | None
    key_id: UUID | None
    by: str
    eligible: int
    frozen: int
    cursor: int
    done: int
    failed: int
    skipped: Sequence[Mapping[str, Any]]
    samples: Sequence[Mapping[str, Any]]
    may_pay_twice: int
    cost: Mapping[str, Any]
    detail: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class FrozenItem:
    """An item of an action, and the number of the take that it gets."""

    position: int
    item_id: UUID
    take: int


_ACTIONS: Select[Any] = select(*(actions.c[field.name] for field in fields(Action)))


list_unclaimed = partial(action_claims.list_unclaimed, actions)
claim = partial(action_claims.claim, actions)
release = partial(action_claims.release, actions)
change_action = partial(action_claims.change_action, actions)


def _action(row: Row[Any]) -> Action:
    return Action(**row._mapping)


async def insert_action(
    connection: AsyncConnection, key: UUID, *, at: datetime, values: Mapping[str, Any]
) -> Action:
    """Insert an action and return it; ``values``: the columns that have no first value."""
    first = {"cursor": 0, "failed": 0, "created_at": at, "updated_at": at}
    await connection.execute(insert(actions).values(id=key, **first, **values))
    found = await find_action(connection, key)
    assert found is not None
    return found


async def freeze_items(
    connection: AsyncConnection, action_id: UUID, chosen: Sequence[ColumnElement[bool]]
) -> int:
    """Copy the items that meet these conditions, in their order, to an action; return how many they are."""
    order = func.row_number().over(order_by=(items.c.position, items.c.id))
    query = select(literal(action_id, actions.c.id.type), order, items.c.id, items.c.takes + 1).where(*chosen)
    names = ["action_id", "position", "item_id", "take"]
    await connection.execute(insert(action_items).from_select(names, query, include_defaults=False))
    here = action_items.c.action_id == action_id
    return await connection.scalar(select(func.count()).select_from(action_items).where(here)) or 0


async def find_action(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Action | None:
    """Return an action by its id; ``lock`` locks it."""
    query = _ACTIONS.where(actions.c.id == key)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return _action(row) if row else None


async def list_actions(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID] | None,
    *,
    campaign_id: UUID | None,
    statuses: Sequence[str],
    kinds: Sequence[str] = (),
    before: UUID | None,
    limit: int,
) -> list[Action]:
    """Return a page of the actions of callers (``None``: all), newest first.

    Without ``statuses`` or ``kinds`` of any.
    """
    query = _ACTIONS if caller_ids is None else _ACTIONS.where(actions.c.caller_id.in_(caller_ids))
    if campaign_id is not None:
        query = query.where(actions.c.campaign_id == campaign_id)
    if statuses:
        query = query.where(actions.c.status.in_(statuses))
    if kinds:
        query = query.where(actions.c.kind.in_(kinds))
    if before is not None:
        query = query.where(actions.c.id < before)
    found = await connection.execute(query.order_by(actions.c.id.desc()).limit(limit))
    return [_action(row) for row in found]


async def any_running(connection: AsyncConnection, campaign_id: UUID) -> bool:
    """Return whether workers go through an action of a campaign."""
    query = select(actions.c.id).where(
        actions.c.campaign_id == campaign_id, actions.c.status == ActionStatus.RUNNING.value
    )
    return await connection.scalar(query.limit(1)) is not None


async def next_items(connection: AsyncConnection, action: Action, *, limit: int) -> list[FrozenItem]:
    """Return the next items of an action."""
    here = action_items.c
    query = select(here.position, here.item_id, here.take).where(
        here.action_id == action.id, here.position > action.cursor
    )
    return [FrozenItem(*row) for row in await connection.execute(query.order_by(here.position).limit(limit))]


async def last_verdict_action(
    connection: AsyncConnection, campaign_id: UUID, caller_id: UUID, key_id: UUID | None
) -> Action | None:
    """Lock and return the last verdict action of a key on a campaign that was not undone."""
    query = _ACTIONS.where(
        actions.c.campaign_id == campaign_id,
        actions.c.caller_id == caller_id,
        actions.c.key_id == key_id if key_id is not None else actions.c.key_id.is_(None),
        actions.c.kind == ActionKind.VERDICT.value,
        actions.c.undone_at.is_(None),
    )
    query = query.order_by(actions.c.id.desc()).limit(1).with_for_update()
    row = (await connection.execute(query)).first()
    return _action(row) if row else None
