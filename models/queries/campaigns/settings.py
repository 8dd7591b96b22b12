"""Settings of plain campaigns: retry rules that hold for all jobs with the name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import new_id
from models.integrity.unreadable import readable
from models.tables import campaigns, jobs
from models.text_order import code_points


async def find_campaign(
    connection: AsyncConnection, caller_id: UUID, name: str, *, lock: bool = False
) -> Row[Any] | None:
    """Return the settings of a campaign, or ``None``; ``lock`` locks them for this transaction."""
    query = select(campaigns).where(campaigns.c.caller_id == caller_id, campaigns.c.name == name)
    return (await connection.execute(query.with_for_update() if lock else query)).first()


async def list_campaigns(
    connection: AsyncConnection, caller_id: UUID, *, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of a caller's campaigns that have settings, by name."""
    query = select(campaigns).where(campaigns.c.caller_id == caller_id)
    if after is not None:
        query = query.where(code_points(campaigns.c.name) > after)
    query = query.order_by(code_points(campaigns.c.name)).limit(limit)
    return readable(await connection.execute(query), "campaign")


async def count_campaigns(connection: AsyncConnection, caller_id: UUID) -> int:
    """Count a caller's campaigns that have settings, without the batches of the OpenAI API."""
    query = select(func.count()).where(campaigns.c.caller_id == caller_id, campaigns.c.surface == "rest")
    return (await connection.execute(query)).scalar_one()


async def any_job_of(connection: AsyncConnection, caller_id: UUID, name: str) -> bool:
    """Return whether a caller has jobs of a campaign."""
    query = select(jobs.c.id).where(jobs.c.caller_id == caller_id, jobs.c.campaign == name).limit(1)
    return await connection.scalar(query) is not None


async def list_names_of_jobs(connection: AsyncConnection, caller_id: UUID, *, limit: int) -> list[str]:
    """Return the names of campaigns that a caller's jobs have: one index probe per name, up to ``limit``."""
    named = (jobs.c.caller_id == caller_id, jobs.c.campaign.is_not(None))
    first = select(func.min(jobs.c.campaign).label("name"), literal(1).label("number")).where(*named)
    names = first.cte("names", recursive=True)
    following = select(func.min(jobs.c.campaign)).where(*named, jobs.c.campaign > names.c.name)
    names = names.union_all(
        select(following.scalar_subquery(), names.c.number + 1).where(
            names.c.name.is_not(None), names.c.number < limit
        )
    )
    return [*(await connection.scalars(select(names.c.name).where(names.c.name.is_not(None))))]


async def save_campaign(
    connection: AsyncConnection, caller_id: UUID, name: str, *, retry: Mapping[str, Any] | None, at: datetime
) -> None:
    """Insert or update the settings of a campaign; a new one is plain, and gets an id."""
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    changes: dict[str, Any] = {"retry": retry, "updated_at": at}
    values = {"caller_id": caller_id, "name": name, "id": new_id(), "created_at": at, **changes}
    statement: Any = make(campaigns).values(values)
    key = [campaigns.c.caller_id, campaigns.c.name]
    changes["id"] = func.coalesce(campaigns.c.id, statement.excluded.id)
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))
