"""Idempotency keys: find, claim and expire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import idempotency_keys as keys


async def find_key(connection: AsyncConnection, caller_id: UUID, key: str) -> Row[Any] | None:
    """Return the row of a caller's key, or ``None``."""
    query = select(keys).where(keys.c.caller_id == caller_id, keys.c.key == key)
    return (await connection.execute(query)).first()


async def claim_key(
    connection: AsyncConnection,
    caller_id: UUID,
    key: str,
    *,
    body_hash: bytes,
    job_ids: Sequence[str],
    rejected: Sequence[dict[str, Any]],
    at: datetime,
) -> bool:
    """Claim a key for a submit. ``False`` if another submit has it.

    On PostgreSQL this waits for an open transaction that claims the same key.
    """
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    values = {"body_hash": body_hash, "job_ids": list(job_ids), "rejected": list(rejected), "created_at": at}
    statement: Any = make(keys).values(caller_id=caller_id, key=key, **values)
    claimed = await connection.execute(statement.on_conflict_do_nothing().returning(keys.c.key))
    return claimed.first() is not None


async def forget_key(connection: AsyncConnection, caller_id: UUID, key: str, *, before: datetime) -> None:
    """Delete one key if it was created before a time."""
    await connection.execute(
        delete(keys).where(keys.c.caller_id == caller_id, keys.c.key == key, keys.c.created_at < before)
    )


async def forget_keys(connection: AsyncConnection, *, before: datetime) -> int:
    """Delete all keys created before a time. Return how many there were."""
    result = await connection.execute(delete(keys).where(keys.c.created_at < before))
    return result.rowcount
