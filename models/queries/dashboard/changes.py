"""What has changed since: one number or time per topic of the dashboard, read in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.campaigns.exports import UNFINISHED
from models.tables import (
    actions,
    audit,
    campaigns,
    channels,
    events,
    exports,
    job_actions,
    jobs,
    webhook_deliveries,
    workers,
)

_MOST_EVENTS = 5000  # whose jobs are looked up for their callers


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest of each topic; two that differ mean that something changed in between."""

    events: int
    others: Mapping[str, Any]


def _newest(column: Any) -> Any:
    return select(func.max(column)).scalar_subquery()


_MARKS = select(
    _newest(events.c.seq),
    _newest(channels.c.updated_at).label("channels"),
    _newest(campaigns.c.updated_at).label("campaigns"),
    _newest(actions.c.updated_at).label("actions"),
    _newest(job_actions.c.updated_at).label("job_actions"),
    _newest(audit.c.id).label("audit"),
    select(func.count())
    .select_from(exports)
    .where(exports.c.status.in_(UNFINISHED))
    .scalar_subquery()
    .label("exports"),
    select(webhook_deliveries.c.id)
    .order_by(webhook_deliveries.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("webhooks"),  # PostgreSQL before 18 has no max() of UUIDs
    select(func.count()).select_from(workers).scalar_subquery().label("worker_count"),
    _newest(workers.c.started_at).label("workers"),
)


async def read_marks(connection: AsyncConnection) -> Marks:
    """Return the newest of each topic."""
    row = (await connection.execute(_MARKS)).one()
    others = {name: value for name, value in row._mapping.items() if name != row._fields[0]}
    return Marks(row[0] or 0, others)


async def callers_between(connection: AsyncConnection, low: int, high: int) -> Sequence[UUID]:
    """Return the callers whose jobs have the events after ``low`` up to ``high``."""
    query = (
        select(jobs.c.caller_id)
        .join(events, events.c.job_id == jobs.c.id)
        .where(events.c.seq > low, events.c.seq <= high)
        .limit(_MOST_EVENTS)
    )
    return list(set(await connection.scalars(query)))
