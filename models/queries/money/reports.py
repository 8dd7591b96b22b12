"""Cost reports: calls and what they have cost, by day, channel, model, campaign and caller."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.money.cost import CostSource
from models.outcomes import Outcome
from models.tables import attempts, callers, jobs
from models.tables import campaign_items as items

DIMENSIONS = ("day", "channel", "model", "campaign", "key")
_MOST_ROWS = 10_000
_ESTIMATED = (CostSource.PROVIDER, CostSource.TOKENS, CostSource.PICTURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """Calls of one group in one currency; amounts in millionths.

    ``currency`` is ``None`` for calls without any price. ``estimated`` and ``charged`` are sums over calls
    whose cost was reserved by an estimate and is known: their difference is the error of the reservations.
    """

    group: dict[str, str | None]
    currency: str | None
    calls: int
    made: int
    made_cost: int
    failed: int  #: charged without a result
    failed_cost: int
    unknown: int  #: of which it is not known whether they were charged, or what they cost
    unknown_reserved: int
    in_flight: int
    in_flight_reserved: int
    estimated: int
    charged: int
    approved: int  #: takes whose picture was picked, and is its item's newest


def _sum(column: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((where, column), else_=0)), 0)


_PICKED = and_(items.c.id == jobs.c.item_id, items.c.job_id == jobs.c.id, items.c.verdict == "pick")


async def cost_report(
    connection: AsyncConnection,
    caller_ids: Collection[UUID],
    by: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    campaign: str | None = None,
) -> list[CostRow]:
    """Return the calls of these callers that were sent from ``since`` on, before ``until``; days are UTC's.

    At most 10,000 groups are returned.
    """
    dimensions = _dimensions(connection.dialect.name)
    group = [dimensions[name].label(name) for name in by]
    calls = attempts.join(jobs, jobs.c.id == attempts.c.job_id)
    calls = calls.join(callers, callers.c.id == jobs.c.caller_id).outerjoin(items, _PICKED)
    sent_at = attempts.c.sent_at
    query = (
        select(*group, attempts.c.currency, *_totals())
        .select_from(calls)
        .where(jobs.c.caller_id.in_(caller_ids), sent_at >= since, sent_at < until)
        .group_by(*group, attempts.c.currency)
        .order_by(*group, attempts.c.currency)
        .limit(_MOST_ROWS)
    )
    if campaign is not None:
        query = query.where(jobs.c.campaign == campaign)
    return [_cost_row(by, [*row]) for row in await connection.execute(query)]


def _dimensions(dialect: str) -> dict[str, ColumnElement[Any]]:
    """Return what calls can be grouped by, in the order of ``DIMENSIONS``."""
    day: ColumnElement[Any] = func.date(attempts.c.sent_at)
    if dialect == "postgresql":
        day = func.to_char(func.timezone("UTC", attempts.c.sent_at), "YYYY-MM-DD")
    columns = (day, attempts.c.channel, jobs.c.model, jobs.c.campaign, callers.c.name)
    return dict(zip(DIMENSIONS, columns, strict=True))


def _totals() -> list[ColumnElement[int]]:
    """Return the numbers of a ``CostRow``, in the order of its fields."""
    here, one = attempts.c, literal(1)
    success, cost = here.outcome == Outcome.SUCCESS.value, func.coalesce(here.cost_micro, 0)
    reserved = func.coalesce(here.reserved_micro, 0)
    ended, known = here.finished_at.is_not(None), here.cost_micro.is_not(None)
    made = and_(ended, success)
    failed = and_(ended, or_(here.outcome.is_(None), ~success), here.cost_micro > 0)
    unknown = and_(ended, here.cost_micro.is_(None))
    compared = and_(known, here.reserved_micro.is_not(None), here.cost_source.in_(_ESTIMATED), success)
    return [
        func.count(),
        *(_sum(one, made), _sum(cost, made)),
        *(_sum(one, failed), _sum(cost, failed)),
        *(_sum(one, unknown), _sum(reserved, unknown)),
        *(_sum(one, ~ended), _sum(reserved, ~ended)),
        *(_sum(reserved, compared), _sum(cost, compared)),
        func.count(case((made, items.c.job_id)).distinct()),
    ]


def _cost_row(by: Sequence[str], values: Sequence[Any]) -> CostRow:
    names = [name for name in CostRow.__dataclass_fields__ if name not in ("group", "currency")]
    numbers = dict(zip(names, map(int, values[len(by) + 1 :]), strict=True))
    return CostRow(group=dict(zip(by, values, strict=False)), currency=values[len(by)], **numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargedCall:
    """A call with its request id, as it is compared with a bill."""

    request_id: str
    job_id: UUID
    number: int
    channel: str
    sent_at: datetime
    cost_micro: int | None
    currency: str | None
    cost_source: str | None

    @property
    def settled(self) -> bool:
        """Whether its cost is known, and not only what was reserved for it."""
        return self.cost_micro is not None and self.cost_source != CostSource.UNKNOWN


async def list_charged(
    connection: AsyncConnection, *, since: datetime, until: datetime, channel: str | None
) -> list[ChargedCall]:
    """Return the calls of this time that have a request id, and may have been charged."""
    here = attempts.c
    query = select(
        here.provider_request_id.label("request_id"),
        *(here.job_id, here.number, here.channel, here.sent_at, here.currency),
        here.cost_micro,
        here.cost_source,
    ).where(here.sent_at >= since, here.sent_at < until, here.provider_request_id.is_not(None))
    if channel is not None:
        query = query.where(here.channel == channel)
    return [ChargedCall(**row._mapping) for row in await connection.execute(query.order_by(here.sent_at))]
