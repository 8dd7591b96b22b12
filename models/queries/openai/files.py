"""Files of the OpenAI API: insert, find, list, delete, and those that have expired."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, Select, delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import openai_files as files


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file to insert.

    ``key``: of its object; ``None``: its content is that of the lines of ``batch_id`` so far, of the failed
    ones if ``failed_lines``.
    """

    id: UUID
    caller_id: UUID
    purpose: str
    filename: str
    content_type: str
    bytes: int
    key: str | None
    created_at: datetime
    expires_at: datetime | None = None
    batch_id: UUID | None = None
    failed_lines: bool = False


async def insert_files(connection: AsyncConnection, new: Sequence[NewFile]) -> None:
    """Insert files."""
    if new:
        await connection.execute(insert(files), [asdict(each) for each in new])


async def find_file(
    connection: AsyncConnection, key: UUID, *, caller_id: UUID | None, at: datetime
) -> Row[Any] | None:
    """Return a caller's file (``None``: anybody's) that has not expired, or ``None``."""
    query = select(files).where(files.c.id == key)
    if caller_id is not None:
        query = query.where(files.c.caller_id == caller_id)
    row = (await connection.execute(query)).first()
    return None if row is None or (row.expires_at is not None and row.expires_at <= at) else row


async def list_files(
    connection: AsyncConnection,
    caller_id: UUID,
    *,
    purpose: str | None,
    order: Literal["asc", "desc"],
    after: UUID | None,
    at: datetime,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of a caller's files with a content of their own, by time of creation.

    ``after``: the last one of the page before; one that does not exist leaves the list empty.
    """
    here = files.c
    place = tuple_(here.created_at, here.id)
    query = select(files).where(here.caller_id == caller_id, here.key.is_not(None))
    query = query.where(here.expires_at.is_(None) | (here.expires_at > at))
    if purpose is not None:
        query = query.where(here.purpose == purpose)
    if after is not None:
        last = await connection.scalar(
            select(here.created_at).where(here.id == after, here.caller_id == caller_id)
        )
        if last is None:
            return []
        query = query.where(place > (last, after) if order == "asc" else place < (last, after))
    ordered = (here.created_at, here.id) if order == "asc" else (here.created_at.desc(), here.id.desc())
    return (await connection.execute(query.order_by(*ordered).limit(limit))).all()


async def delete_file(connection: AsyncConnection, key: UUID) -> bool:
    """Delete the row of a file; return whether it was there."""
    return (await connection.execute(delete(files).where(files.c.id == key))).rowcount == 1


async def list_expired(connection: AsyncConnection, at: datetime, *, limit: int) -> Sequence[Row[Any]]:
    """Return id and key of files that have expired."""
    query: Select[Any] = select(files.c.id, files.c.key).where(
        files.c.expires_at.is_not(None), files.c.expires_at <= at
    )
    query = query.order_by(files.c.expires_at).limit(limit)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def known_keys(connection: AsyncConnection, keys: Sequence[UUID]) -> set[UUID]:
    """Return those of the ids that are files."""
    return set((await connection.scalars(select(files.c.id).where(files.c.id.in_(keys)))).all())
