"""Who asks: API keys, kept as SHA-256 hashes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Update, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.rows import rows_parameter, rows_source
from models.tables import callers


async def find_caller(connection: AsyncConnection, key_hash: bytes) -> Row[Any] | None:
    """Return the caller whose key has this hash, revoked or not, or ``None``."""
    return (await connection.execute(select(callers).where(callers.c.key_hash == key_hash))).first()


async def insert_caller(
    connection: AsyncConnection,
    caller_id: UUID,
    *,
    name: str,
    key_hash: bytes,
    key_hint: str,
    admin: bool,
    at: datetime,
) -> bool:
    """Write a caller. ``False`` if the key is known already; nothing changes then."""
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    statement: Any = make(callers).values(
        id=caller_id, name=name, key_hash=key_hash, key_hint=key_hint, admin=admin, created_at=at
    )
    born = await connection.execute(statement.on_conflict_do_nothing().returning(callers.c.id))
    return born.first() is not None


async def list_callers(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return all callers, oldest first."""
    return (await connection.execute(select(callers).order_by(callers.c.id))).all()


async def revoke_caller(connection: AsyncConnection, caller_id: UUID, *, at: datetime) -> bool:
    """Stop accepting a caller's key. ``False`` if there is none, or it was revoked before."""
    result = await connection.execute(
        update(callers).where(callers.c.id == caller_id, callers.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return bool(result.rowcount == 1)


async def lock_shares(connection: AsyncConnection, caller_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Take those of the callers whom nobody else has: their limits, and where their fair share stands."""
    statement = select(callers).where(callers.c.id.in_(caller_ids)).order_by(callers.c.id)
    return (await connection.execute(statement.with_for_update(skip_locked=True))).all()


async def save_shares(connection: AsyncConnection, shares: Sequence[Mapping[str, Any]]) -> None:
    """Note where the fair shares of callers stand; each share has the caller's ``id`` and ``SHARE``."""
    if shares:
        statement = _save_shares(connection.dialect.name)
        await connection.execute(statement, rows_parameter(connection, shares))


SHARE = ("deficit", "turn", "campaign_turn", "priority_turn", "next_start_at")


@lru_cache(maxsize=2)
def _save_shares(dialect: str) -> Update:
    given = rows_source(dialect, [callers.c[name] for name in ("id", *SHARE)])
    return update(callers).where(callers.c.id == given.c.id).values({name: given.c[name] for name in SHARE})


async def any_caller(connection: AsyncConnection) -> bool:
    """Tell whether there is a caller at all: proves that the tables are there."""
    return (await connection.execute(select(callers.c.id).limit(1))).first() is not None
