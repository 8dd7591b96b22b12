"""Audit log: insert an entry in the transaction of its change; read entries, newest first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who changed what, and how it was before and after, as far as the change tells."""

    at: datetime
    by: str
    role: str
    through: str
    action: str
    caller_id: UUID | None = None
    key_id: UUID | None = None
    target: str = ""
    filter: Any = None
    count: int | None = None
    before: Any = None
    after: Any = None
    request_id: str = ""


async def insert_entry(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Insert an entry."""
    await connection.execute(insert(audit).values(asdict(entry)))


async def delete_entries(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete entries older than this, of the oldest ``limit`` ones; return how many.

    They are found by id, which is in the order of time.
    """
    oldest = await connection.execute(select(audit.c.id, audit.c.at).order_by(audit.c.id).limit(limit))
    ids = [row.id for row in oldest if row.at < before]
    if ids:
        await connection.execute(delete(audit).where(audit.c.id.in_(ids)))
    return len(ids)


async def list_entries(
    connection: AsyncConnection,
    *,
    limit: int,
    before: int | None = None,
    target: str | None = None,
    by: str | None = None,
) -> Sequence[Row[Any]]:
    """Return entries, newest first: those with a lower id than ``before``, of one target or author."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if target is not None:
        query = query.where(audit.c.target == target)
    if by is not None:
        query = query.where(audit.c.by == by)
    return (await connection.execute(query)).all()
