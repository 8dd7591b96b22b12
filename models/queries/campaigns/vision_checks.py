"""Vision checks: text jobs that ask a campaign's questions about a picture, and what they came to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.states import FINAL
from models.tables import jobs
from models.tables import vision_checks as checks

_UNDECIDED = checks.c.decided_at.is_(None)


async def insert_vision_checks(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert checks, whose jobs were inserted before."""
    if rows:
        await connection.execute(insert(checks), [dict(each) for each in rows])


async def list_answered(connection: AsyncConnection, *, limit: int) -> Sequence[UUID]:
    """Return undecided checks whose text jobs have ended."""
    final = [status.value for status in sorted(FINAL)]
    query = select(checks.c.job_id).select_from(checks.join(jobs, jobs.c.id == checks.c.job_id))
    query = query.where(_UNDECIDED, jobs.c.status.in_(final)).order_by(checks.c.job_id).limit(limit)
    return (await connection.scalars(query)).all()


async def find_undecided(connection: AsyncConnection, job_id: UUID) -> Row[Any] | None:
    """Return an undecided check with status, text and model of its job."""
    query = (
        select(checks, jobs.c.status, jobs.c.text, jobs.c.model)
        .select_from(checks.join(jobs, jobs.c.id == checks.c.job_id))
        .where(checks.c.job_id == job_id, _UNDECIDED)
    )
    return (await connection.execute(query)).first()


async def decide(
    connection: AsyncConnection,
    job_id: UUID,
    *,
    answers: Sequence[Mapping[str, Any]] | None,
    passed: bool | None,
    at: datetime,
) -> None:
    """Write the answers of a check. ``passed``: ``None`` if they leave it open."""
    changes = {"answers": None if answers is None else list(answers), "passed": passed, "decided_at": at}
    await connection.execute(update(checks).where(checks.c.job_id == job_id, _UNDECIDED).values(**changes))


async def checks_of_takes(connection: AsyncConnection, take_job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the checks of the pictures of takes, in the order in which they were asked."""
    query = select(checks).where(checks.c.take_job_id.in_(take_job_ids)).order_by(checks.c.job_id)
    return (await connection.execute(query)).all()


async def any_undecided(connection: AsyncConnection, campaign_id: UUID) -> bool:
    """Return whether questions of a campaign are not answered yet."""
    query = select(checks.c.job_id).where(checks.c.campaign_id == campaign_id, _UNDECIDED).limit(1)
    return await connection.scalar(query) is not None
