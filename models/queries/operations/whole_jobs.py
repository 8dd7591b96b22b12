"""Whole jobs, with their calls, images and history, as they are archived before they are deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import assets, attempts, events, jobs


@dataclass(frozen=True, slots=True)
class WholeJobs:
    """Jobs by id, and what belongs to them."""

    jobs: Sequence[Row[Any]]
    attempts: Sequence[Row[Any]]
    assets: Sequence[Row[Any]]
    events: Sequence[Row[Any]]


async def read_whole_jobs(connection: AsyncConnection, job_ids: Sequence[UUID]) -> WholeJobs:
    """Read jobs with all that belongs to them."""
    own = select(jobs).where(jobs.c.id.in_(job_ids)).order_by(jobs.c.id)
    calls = select(attempts).where(attempts.c.job_id.in_(job_ids)).order_by(attempts.c.number)
    images = select(assets).where(assets.c.job_id.in_(job_ids)).order_by(assets.c.position)
    history = select(events).where(events.c.job_id.in_(job_ids)).order_by(events.c.revision)
    found = [(await connection.execute(query)).all() for query in (own, calls, images, history)]
    return WholeJobs(*found)
