"""Results of recent calls by channel and model: what routing by policy compares."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import assets, attempts, jobs

SAMPLE = 500  #: ended calls of one channel that are read, at most


class EndedCall(NamedTuple):
    """A call that has ended."""

    model: str
    job_id: UUID
    sent_at: datetime
    finished_at: datetime
    outcome: str | None
    cost_micro: int | None  #: settled; ``None``: not known
    currency: str | None


async def ended_calls(connection: AsyncConnection, channel: str, since: datetime) -> Sequence[EndedCall]:
    """Return the newest calls of a channel that were sent since then and have ended."""
    here = attempts.c
    statement = (
        select(
            jobs.c.model,
            here.job_id,
            here.sent_at,
            here.finished_at,
            here.outcome,
            here.cost_micro,
            here.currency,
        )
        .select_from(attempts.join(jobs, jobs.c.id == here.job_id))
        .where(here.channel == channel, here.sent_at > since, here.finished_at.is_not(None))
        .order_by(here.sent_at.desc())
        .limit(SAMPLE)
    )
    return [EndedCall(*row) for row in await connection.execute(statement)]


async def count_pictures(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """Return how many images these jobs have, of all generations; jobs without any are left out."""
    statement = (
        select(assets.c.job_id, func.count()).where(assets.c.job_id.in_(job_ids)).group_by(assets.c.job_id)
    )
    return {row[0]: int(row[1]) for row in await connection.execute(statement)}
