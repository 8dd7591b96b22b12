"""Files that may be deleted, written with the deletion of what named them; workers delete them afterwards."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import file_deletions


async def add_file_deletions(connection: AsyncConnection, keys: Collection[str], at: datetime) -> None:
    """Note that files of these keys may be deleted, unless something else names them."""
    if not keys:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(file_deletions).on_conflict_do_nothing()
    await connection.execute(statement, [{"key": key, "due_at": at} for key in sorted(set(keys))])


async def due_file_deletions(connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
    """Return keys that are due."""
    here = file_deletions.c
    query = select(here.key).where(here.due_at <= at).order_by(here.due_at).limit(limit)
    return list(await connection.scalars(query))


async def end_file_deletions(connection: AsyncConnection, keys: Collection[str]) -> None:
    """Forget keys: their files are deleted, or in use."""
    if keys:
        await connection.execute(delete(file_deletions).where(file_deletions.c.key.in_(keys)))


async def postpone_file_deletions(
    connection: AsyncConnection, keys: Collection[str], until: datetime
) -> None:
    """Try again later."""
    if keys:
        here = file_deletions.c
        await connection.execute(update(file_deletions).where(here.key.in_(keys)).values(due_at=until))


async def count_file_deletions(connection: AsyncConnection) -> int:
    """Count the keys that wait."""
    return int(await connection.scalar(select(func.count()).select_from(file_deletions)) or 0)
