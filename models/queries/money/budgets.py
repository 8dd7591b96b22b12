"""Budgets of callers and campaigns: limits, the lock of reservations, and who is closed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.money.money import Money
from models.tables import callers, campaigns

_LOCK = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_SPACE = 0x6D6F6E6579  # keeps these locks apart from those of submits, which are of the same callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Limits by caller, and by caller and campaign; those without a budget are left out."""

    callers: dict[UUID, Money]
    campaigns: dict[tuple[UUID, str], Money]


async def lock_budgets(connection: AsyncConnection, caller_ids: Collection[UUID]) -> None:
    """Let reservations of the same callers wait for each other, until this transaction ends.

    What is read after it includes what the transactions before have reserved. SQLite's writers take turns
    anyway.
    """
    if connection.dialect.name == "postgresql":
        for key in sorted(caller_ids):
            number = int.from_bytes(key.bytes[8:], signed=True) ^ _SPACE
            await connection.execute(_LOCK, {"key": number})


async def read_budgets(
    connection: AsyncConnection, caller_ids: Collection[UUID], names: Collection[str]
) -> Budgets:
    """Return the budgets of these callers, and of their campaigns of these names."""
    query = select(callers.c.id, callers.c.budget_micro, callers.c.budget_currency)
    query = query.where(callers.c.id.in_(caller_ids), callers.c.budget_micro.is_not(None))
    own = {row[0]: Money(row[1], row[2]) for row in await connection.execute(query)}
    here = campaigns.c
    limited = select(here.caller_id, here.name, here.budget_micro, here.currency)
    limited = limited.where(here.caller_id.in_(caller_ids), here.name.in_(names))
    limited = limited.where(here.budget_micro.is_not(None), here.currency.is_not(None))
    found = await connection.execute(limited) if names else ()
    return Budgets(callers=own, campaigns={(row[0], row[1]): Money(row[2], row[3]) for row in found})


async def close_caller(
    connection: AsyncConnection, caller_id: UUID, *, at: datetime, until: datetime | None, detail: str
) -> None:
    """Start no more calls of a caller: until then, or until its budget is changed."""
    await connection.execute(
        update(callers)
        .where(callers.c.id == caller_id)
        .values(budget_closed_at=at, budget_closed_until=until, budget_closed_detail=detail)
    )


async def delay_campaign(connection: AsyncConnection, caller_id: UUID, name: str, *, until: datetime) -> None:
    """Start no call of a campaign until then: calls in flight have reserved what is left of its budget."""
    here = campaigns.c
    await connection.execute(
        update(campaigns)
        .where(here.caller_id == caller_id, here.name == name)
        .values(budget_wait_until=until)
    )


def budget_columns(budget: Money | None) -> dict[str, Any]:
    """Return the columns of a caller with this budget, which lets its jobs start again."""
    return {
        "budget_micro": budget.micro if budget else None,
        "budget_currency": budget.currency if budget else None,
        "budget_closed_at": None,
        "budget_closed_until": None,
        "budget_closed_detail": None,
    }


async def set_budget(connection: AsyncConnection, caller_ids: Sequence[UUID], budget: Money | None) -> None:
    """Set or remove the budget of callers; their jobs start again where it leaves room."""
    await connection.execute(
        update(callers).where(callers.c.id.in_(caller_ids)).values(**budget_columns(budget))
    )
