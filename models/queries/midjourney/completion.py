"""Completion of tasks: claim those whose jobs are all done, one worker at a time; expire dialogs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.task_status import SETTLED
from models.tables import jobs
from models.tables import midjourney_parts as parts
from models.tables import midjourney_tasks as tasks


async def any_task_ready(connection: AsyncConnection, *, at: datetime) -> bool:
    """Return whether a task can be completed, without locks: mostly there is none."""
    return (await connection.execute(_ready(at).limit(1))).first() is not None


async def claim_ready_tasks(
    connection: AsyncConnection, *, at: datetime, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Claim tasks that can be completed, for one worker; after ``until``, others may claim them."""
    # read once, being a CTE: PostgreSQL may read a subquery again, and skip what it has locked
    ready = _ready(at).limit(limit).with_for_update(skip_locked=True).cte("ready")
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(select(ready.c.id)))
        .where(or_(tasks.c.claimed_until.is_(None), tasks.c.claimed_until <= at))
        .values(claimed_until=until)
        .returning(tasks)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def postpone_completion(connection: AsyncConnection, task_id: int, *, until: datetime) -> None:
    """Extend the claim on a task, so that it is completed later."""
    await connection.execute(update(tasks).where(tasks.c.id == task_id).values(claimed_until=until))


async def release_claim(connection: AsyncConnection, task_id: int) -> bool:
    """Release the claim on a task that gets further parts. ``False`` if it has ended meanwhile."""
    result = await connection.execute(
        update(tasks).where(tasks.c.id == task_id, tasks.c.outcome.is_(None)).values(claimed_until=None)
    )
    return bool(result.rowcount == 1)


async def add_parts(
    connection: AsyncConnection, task_id: int, job_ids: Sequence[UUID], *, first: int
) -> None:
    """Insert parts from a position on. Raises ``IntegrityError`` for a second top-up of the same task."""
    rows = [
        {"task_id": task_id, "position": position, "job_id": job_id}
        for position, job_id in enumerate(job_ids, first)
    ]
    await connection.execute(insert(parts), rows)


async def text_result(connection: AsyncConnection, task_id: int) -> str:
    """Return the text of a task's jobs; empty if there is none."""
    query = select(jobs.c.text).join(parts, parts.c.job_id == jobs.c.id).where(parts.c.task_id == task_id)
    return next((text for text in (await connection.scalars(query)) if text), "")


async def expired_dialogs(connection: AsyncConnection, before: datetime, *, limit: int) -> Sequence[int]:
    """Lock tasks that wait for their dialog since before a time; return their ids."""
    statement = (
        select(tasks.c.id)
        .where(tasks.c.outcome.is_(None), tasks.c.modal.is_not(None), tasks.c.submitted_at < before)
        .limit(limit)
    )
    return (await connection.scalars(statement.with_for_update(skip_locked=True))).all()


def _ready(at: datetime) -> Any:
    ready = tasks.alias("ready")
    of_task = select(parts.c.job_id).where(parts.c.task_id == ready.c.id)
    unsettled = of_task.join(jobs, jobs.c.id == parts.c.job_id).where(jobs.c.status.not_in(sorted(SETTLED)))
    return (
        select(ready.c.id)
        .where(ready.c.outcome.is_(None), ready.c.modal.is_(None), of_task.exists(), ~unsettled.exists())
        .where(or_(ready.c.claimed_until.is_(None), ready.c.claimed_until <= at))
    )
