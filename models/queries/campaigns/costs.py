"""Costs of a campaign's calls: by what became of their takes, by model, and by item."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import Outcome
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.reports import pictured_by_all, verdict_of_take
from models.states import FINAL, JobStatus
from models.tables import attempts, jobs, vision_checks
from models.tables import campaign_items as items


class Spending(StrEnum):
    """What became of what a call has cost."""

    APPROVED = "approved"  #: its picture was picked
    UNJUDGED = "unjudged"  #: its picture is the item's newest, and has no verdict
    REJECTED = "rejected"  #: its picture was rejected
    REPLACED = "replaced"  #: another take followed its picture, which has no verdict
    FAILED = "failed"  #: it was charged without a result
    CHECKS = "checks"  #: a vision model answered about a picture
    OPEN = "open"  #: its job goes on
    OTHER = "other"  #: a job that only names the campaign


WASTE = frozenset({Spending.REJECTED, Spending.REPLACED, Spending.FAILED})
"""What was paid without leading to a picture that is or may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentRow:
    """Calls of one kind in one currency; amounts in millionths."""

    kind: Spending
    currency: str
    calls: int
    cost: int
    unknown: int  #: reserved by calls of which it is not known what they cost
    in_flight: int  #: reserved by calls that have not ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCostRow:
    """Calls of one model's takes in one currency; amounts in millionths. ``unpriced``: without any price."""

    model: str
    currency: str | None
    calls: int
    unpriced: int
    cost: int
    unknown: int


def _amount(column: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((where, func.coalesce(column, 0)), else_=0)), 0)


_ENDED = attempts.c.finished_at.is_not(None)
_UNKNOWN = and_(_ENDED, attempts.c.cost_micro.is_(None))


async def spent_by_kind(connection: AsyncConnection, campaign: Campaign) -> list[SpentRow]:
    """Return what the calls of a campaign have cost, by what became of it."""
    made = attempts.c.outcome == Outcome.SUCCESS.value
    verdict = verdict_of_take()
    final = [status.value for status in sorted(FINAL)]
    kind = case(
        (and_(_ENDED, func.coalesce(attempts.c.outcome, "") != Outcome.SUCCESS.value), Spending.FAILED.value),
        (vision_checks.c.job_id.is_not(None), Spending.CHECKS.value),
        (jobs.c.item_id.is_(None), Spending.OTHER.value),
        (jobs.c.status.not_in(final), Spending.OPEN.value),
        (and_(made, jobs.c.status != JobStatus.SUCCEEDED.value), Spending.FAILED.value),
        (verdict == "pick", Spending.APPROVED.value),
        (verdict == "reject", Spending.REJECTED.value),
        (items.c.job_id != jobs.c.id, Spending.REPLACED.value),
        else_=Spending.UNJUDGED.value,
    ).label("kind")
    each = (
        select(
            kind,
            attempts.c.currency,
            attempts.c.finished_at,
            attempts.c.cost_micro,
            attempts.c.reserved_micro,
        )
        .select_from(
            jobs.join(attempts, attempts.c.job_id == jobs.c.id)
            .outerjoin(items, items.c.id == jobs.c.item_id)
            .outerjoin(vision_checks, vision_checks.c.job_id == jobs.c.id)
        )
        .where(
            jobs.c.caller_id == campaign.caller_id,
            jobs.c.campaign == campaign.name,
            attempts.c.currency.is_not(None),
        )
        .subquery("each")
        .c
    )
    ended = each.finished_at.is_not(None)
    query = select(
        each.kind,
        each.currency,
        func.count(),
        _amount(each.cost_micro, ended),
        _amount(each.reserved_micro, and_(ended, each.cost_micro.is_(None))),
        _amount(each.reserved_micro, ~ended),
    ).group_by(each.kind, each.currency)
    return [
        SpentRow(
            kind=Spending(row[0]),
            currency=row[1],
            calls=row[2],
            cost=int(row[3]),
            unknown=int(row[4]),
            in_flight=int(row[5]),
        )
        for row in await connection.execute(query.order_by(each.currency, each.kind))
    ]


async def costs_by_model(
    connection: AsyncConnection, campaign_id: UUID, *, same_items: Sequence[str]
) -> list[ModelCostRow]:
    """Return what the takes of each model have cost, with all their calls; see ``results_by_model``."""
    query = (
        select(
            jobs.c.model,
            attempts.c.currency,
            func.count(),
            func.sum(case((attempts.c.currency.is_(None), 1), else_=0)),
            _amount(attempts.c.cost_micro, _ENDED),
            _amount(attempts.c.reserved_micro, _UNKNOWN),
        )
        .select_from(
            jobs.join(items, items.c.id == jobs.c.item_id).join(attempts, attempts.c.job_id == jobs.c.id)
        )
        .where(items.c.campaign_id == campaign_id)
        .group_by(jobs.c.model, attempts.c.currency)
    )
    if same_items:
        pictured = pictured_by_all(campaign_id, same_items)
        query = query.where(jobs.c.model.in_(same_items), jobs.c.item_id.in_(pictured))
    return [
        ModelCostRow(
            model=row[0],
            currency=row[1],
            calls=row[2],
            unpriced=int(row[3]),
            cost=int(row[4]),
            unknown=int(row[5]),
        )
        for row in await connection.execute(query.order_by(jobs.c.model, attempts.c.currency))
    ]


async def costs_of_items(connection: AsyncConnection, item_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Return what the takes of items have cost, in millionths by currency."""
    query = (
        select(jobs.c.item_id, attempts.c.currency, func.sum(attempts.c.cost_micro))
        .select_from(jobs.join(attempts, attempts.c.job_id == jobs.c.id))
        .where(jobs.c.item_id.in_(item_ids), attempts.c.cost_micro.is_not(None))
        .where(attempts.c.currency.is_not(None))
        .group_by(jobs.c.item_id, attempts.c.currency)
    )
    found: dict[UUID, dict[str, int]] = {}
    for item_id, currency, micro in await connection.execute(query):
        found.setdefault(item_id, {})[currency] = int(micro)
    return found
