"""Claims of bulk actions, on jobs and on items alike: which worker goes through a running one, until when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import ActionStatus


async def list_unclaimed(actions: Table, connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
    """Return the running actions that no worker goes through, the oldest first."""
    query = select(actions.c.id).where(_is_running(actions), _is_free(actions, at))
    return (await connection.scalars(query.order_by(actions.c.id).limit(100))).all()


async def claim(
    actions: Table, connection: AsyncConnection, key: UUID, claim_id: UUID, *, until: datetime, at: datetime
) -> bool:
    """Claim a running action, or extend the claim; ``False`` while another worker has it."""
    mine = or_(_is_free(actions, at), actions.c.claimed_by == claim_id)
    statement = update(actions).where(actions.c.id == key, _is_running(actions), mine)
    found = await connection.execute(statement.values(claimed_by=claim_id, claimed_until=until))
    return found.rowcount == 1


async def release(actions: Table, connection: AsyncConnection, key: UUID, claim_id: UUID) -> None:
    """Release the claim of an action."""
    statement = update(actions).where(actions.c.id == key, actions.c.claimed_by == claim_id)
    await connection.execute(statement.values(claimed_by=None, claimed_until=None))


async def change_action(
    actions: Table, connection: AsyncConnection, key: UUID, *, at: datetime, changes: Mapping[str, Any]
) -> None:
    """Change columns of an action that this transaction has locked."""
    await connection.execute(update(actions).where(actions.c.id == key).values(updated_at=at, **changes))


def _is_running(actions: Table) -> ColumnElement[bool]:
    return actions.c.status == ActionStatus.RUNNING.value


def _is_free(actions: Table, at: datetime) -> ColumnElement[bool]:
    return or_(actions.c.claimed_until.is_(None), actions.c.claimed_until <= at)
