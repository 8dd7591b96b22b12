"""Objects of the store that rows name besides images: archived answers, and files of the OpenAI API."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import attempts, openai_files


async def archived_objects(connection: AsyncConnection, after: str, *, limit: int) -> Sequence[str]:
    """Return the next objects with archived answers, by key. Each has the answers of many calls."""
    found = _object(connection)
    named = select(found.label("object")).where(attempts.c.raw_key.is_not(None)).distinct().subquery()
    query = select(named.c.object).where(named.c.object > after).order_by(named.c.object).limit(limit)
    return (await connection.scalars(query)).all()


async def forget_archived(connection: AsyncConnection, objects: Sequence[str]) -> int:
    """Write that the calls with answers in these objects have none; return how many calls."""
    named = or_(*(attempts.c.raw_key.startswith(f"{key}#", autoescape=True) for key in objects))
    return (await connection.execute(update(attempts).where(named).values(raw_key=None))).rowcount


async def file_objects(connection: AsyncConnection) -> Sequence[str]:
    """Return the keys of all files of the OpenAI API that have an object."""
    query = select(openai_files.c.key).where(openai_files.c.key.is_not(None)).order_by(openai_files.c.key)
    return [key for key in await connection.scalars(query) if key is not None]


def _object(connection: AsyncConnection) -> ColumnElement[str]:
    """Return the part of ``raw_key`` before ``#``."""
    key = attempts.c.raw_key
    if connection.dialect.name == "sqlite":
        return func.substr(key, 1, func.instr(key, "#") - 1)
    return func.split_part(key, "#", 1).collate("C")
