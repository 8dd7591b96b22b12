"""Audit log: insert an entry in the transaction of its change; read entries, newest first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
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
