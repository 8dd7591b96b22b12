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


def _sum(column: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((where, column), else_=0)), 0)


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
    here, one = attempts.c, literal(1)
    day: ColumnElement[Any] = func.date(here.sent_at)
    if connection.dialect.name == "postgresql":
        day = func.to_char(func.timezone("UTC", here.sent_at), "YYYY-MM-DD")
    columns: dict[str, ColumnElement[Any]] = {
        "day": day,
        "channel": here.channel,
        "model": jobs.c.model,
        "campaign": jobs.c.campaign,
        "key": callers.c.name,
    }
    group = [columns[name].label(name) for name in by]
    success, cost = here.outcome == Outcome.SUCCESS.value, func.coalesce(here.cost_micro, 0)
    reserved = func.coalesce(here.reserved_micro, 0)
    ended, known = here.finished_at.is_not(None), here.cost_micro.is_not(None)
    made = and_(ended, success)
    failed = and_(ended, or_(here.outcome.is_(None), ~success), here.cost_micro > 0)
    unknown = and_(ended, here.cost_micro.is_(None))
    compared = and_(known, here.reserved_micro.is_not(None), here.cost_source.in_(_ESTIMATED), success)
    query = (
        select(
            *group,
            here.currency,
            func.count(),
            _sum(one, made),
            _sum(cost, made),
            _sum(one, failed),
            _sum(cost, failed),
            _sum(one, unknown),
            _sum(reserved, unknown),
            _sum(one, ~ended),
            _sum(reserved, ~ended),
            _sum(reserved, compared),
            _sum(cost, compared),
        )
        .select_from(
            attempts.join(jobs, jobs.c.id == here.job_id).join(callers, callers.c.id == jobs.c.caller_id)
        )
        .where(jobs.c.caller_id.in_(caller_ids), here.sent_at >= since, here.sent_at < until)
        .group_by(*group, here.currency)
        .order_by(*group, here.currency)
        .limit(_MOST_ROWS)
    )
    if campaign is not None:
        query = query.where(jobs.c.campaign == campaign)
    names = [name for name in CostRow.__dataclass_fields__ if name not in ("group", "currency")]
    rows = []
    for row in await connection.execute(query):
        values = [*row]
        numbers = dict(zip(names, map(int, values[len(by) + 1 :]), strict=True))
        rows.append(CostRow(group=dict(zip(by, values, strict=False)), currency=values[len(by)], **numbers))
    return rows


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


async def list_charged(
    connection: AsyncConnection, *, since: datetime, until: datetime, channel: str | None
) -> list[ChargedCall]:
    """Return the calls of this time that have a request id, and may have been charged."""
    here = attempts.c
    query = select(
        here.provider_request_id.label("request_id"),
        *(here.job_id, here.number, here.channel, here.sent_at, here.currency),
        here.cost_micro,
    ).where(here.sent_at >= since, here.sent_at < until, here.provider_request_id.is_not(None))
    if channel is not None:
        query = query.where(here.channel == channel)
    return [ChargedCall(**row._mapping) for row in await connection.execute(query.order_by(here.sent_at))]
