"""Pictures of the jobs that a filter chooses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.unreadable import readable
from models.queries.selection.job_filter import JobFilter, conditions
from models.tables import assets, jobs


async def list_pictures(
    connection: AsyncConnection, caller_ids: Sequence[UUID], wanted: JobFilter, *, limit: int
) -> Sequence[Row[Any]]:
    """Return the assets of the present generation of jobs that match, those of the newest jobs first."""
    sqlite = connection.dialect.name == "sqlite"
    present = func.coalesce(assets.c.generation, jobs.c.generation) == jobs.c.generation
    query = select(assets).join(jobs, jobs.c.id == assets.c.job_id)
    query = query.where(jobs.c.caller_id.in_(caller_ids), present, *conditions(wanted, sqlite=sqlite))
    query = query.order_by(jobs.c.id.desc(), assets.c.position).limit(limit)
    return readable(await connection.execute(query), "asset")
