"""Spend by caller, campaign and currency: differences that triggers append, merged by workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import spend

_MOST_ROWS = 200  # of one caller, campaign and currency, until they are merged
_AMOUNTS = ("reserved", "settled", "unknown")


class SpendKey(NamedTuple):
    """What a total is of; ``campaign`` is empty for jobs without one."""

    caller_id: UUID
    campaign: str
    currency: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Amounts in millionths: of calls in flight, of ended calls, and of those that may have been charged."""

    reserved: int = 0
    settled: int = 0
    unknown: int = 0

    def __add__(self, other: "Spend") -> "Spend":
        """Add amounts of the same currency."""
        return Spend(
            self.reserved + other.reserved, self.settled + other.settled, self.unknown + other.unknown
        )


async def sum_spend(
    connection: AsyncConnection, caller_ids: Sequence[UUID], *, campaigns: Sequence[str] | None = None
) -> dict[SpendKey, Spend]:
    """Return the totals of these callers, of all their campaigns or only of these."""
    here = spend.c
    sums = [func.sum(here[name]) for name in _AMOUNTS]
    query = select(here.caller_id, here.campaign, here.currency, *sums).where(here.caller_id.in_(caller_ids))
    if campaigns is not None:
        query = query.where(here.campaign.in_(campaigns))
    rows = await connection.execute(query.group_by(here.caller_id, here.campaign, here.currency))
    return {SpendKey(*row[:3]): Spend(*map(int, row[3:])) for row in rows}


async def list_unmerged(connection: AsyncConnection) -> list[SpendKey]:
    """Return the totals whose differences should be merged."""
    here = spend.c
    key = (here.caller_id, here.campaign, here.currency)
    query = select(*key).group_by(*key).having(func.count() > _MOST_ROWS)
    return [SpendKey(*row) for row in await connection.execute(query)]


async def merge(connection: AsyncConnection, key: SpendKey) -> None:
    """Merge the differences that this transaction sees into one; the sums stay the same.

    Differences that others write meanwhile have rows of their own: no writer waits for another.
    """
    here = spend.c
    gone = (
        delete(spend)
        .where(here.caller_id == key.caller_id, here.campaign == key.campaign, here.currency == key.currency)
        .returning(*(here[name] for name in _AMOUNTS))
    )
    total = Spend()
    for row in await connection.execute(gone):
        total += Spend(*row)
    values = {name: getattr(total, name) for name in _AMOUNTS}
    await connection.execute(insert(spend).values(**key._asdict(), **values))
