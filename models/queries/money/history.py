"""Settled costs of the past, by channel, model and shape of the call."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.money.cost import CostSource
from models.outcomes import Outcome
from models.tables import attempts, jobs

_MOST_CALLS = 5_000  # of a channel, in which those of a model are looked for
_MOST_SETTLED = 1_000  # of a model, of all shapes
_KNOWN = (CostSource.PROVIDER, CostSource.TOKENS, CostSource.PICTURE, CostSource.CALL)


async def settled_costs(
    connection: AsyncConnection, channel: str, model: str, currency: str
) -> list[tuple[int, Mapping[str, Any]]]:
    """Return costs and requests of the newest successful calls whose cost is known, newest first."""
    newest = (
        select(attempts.c.job_id, attempts.c.sent_at, attempts.c.cost_micro)
        .where(attempts.c.channel == channel, attempts.c.outcome == Outcome.SUCCESS.value)
        .where(attempts.c.cost_source.in_(_KNOWN), attempts.c.currency == currency)
        .order_by(attempts.c.sent_at.desc())
        .limit(_MOST_CALLS)
        .subquery()
    )
    query = (
        select(newest.c.cost_micro, jobs.c.request)
        .join(jobs, jobs.c.id == newest.c.job_id)
        .where(jobs.c.model == model)
        .order_by(newest.c.sent_at.desc())
        .limit(_MOST_SETTLED)
    )
    rows = await connection.execute(query)
    return [(row.cost_micro, row.request) for row in rows if isinstance(row.request, Mapping)]
