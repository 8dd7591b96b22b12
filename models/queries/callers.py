"""Who asks: API keys, kept as SHA-256 hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Update, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.bulk import rows_parameter, rows_source
from models.states import JobStatus
from models.tables import callers, jobs

LIMITS = ("rpm", "concurrency", "max_queued", "weight")  #: what an operator may set for a caller


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
    limits: Mapping[str, float | None] | None = None,
) -> bool:
    """Write a caller. ``False`` if the key is known already; nothing changes then.

    ``limits`` are of ``LIMITS``.
    """
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    statement: Any = make(callers).values(
        id=caller_id,
        name=name,
        key_hash=key_hash,
        key_hint=key_hint,
        admin=admin,
        created_at=at,
        **(limits or {}),
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


async def change_limits(
    connection: AsyncConnection, caller_id: UUID, limits: Mapping[str, float | None]
) -> None:
    """Set some of a caller's ``LIMITS``; ``None`` takes one away."""
    await connection.execute(update(callers).where(callers.c.id == caller_id).values(**limits))


@dataclass(frozen=True, slots=True)
class QueueRoom:
    """How many jobs of a caller may wait, and how many do (not counted beyond the limit)."""

    limit: int
    queued: int

    @property
    def left(self) -> int:
        """How many more may be handed in."""
        return max(self.limit - self.queued, 0)


async def lock_queue_room(connection: AsyncConnection, caller_id: UUID) -> QueueRoom | None:
    """Return a caller's room, which stays so until this transaction ends; ``None``: without limit.

    Submits of one caller wait for each other here, so that together they do not exceed the limit.
    """
    statement = select(callers.c.max_queued).where(callers.c.id == caller_id)
    limit = await connection.scalar(statement.with_for_update(key_share=True))
    if limit is None:
        return None
    waiting = (
        select(jobs.c.id)
        .where(jobs.c.caller_id == caller_id, jobs.c.status == JobStatus.QUEUED.value)
        .limit(limit)
        .subquery()
    )
    queued = await connection.scalar(select(func.count()).select_from(waiting))
    return QueueRoom(limit, queued or 0)


async def lock_shares(connection: AsyncConnection, caller_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Take those of the callers whom no other round has: their limits, and where their fair share stands.

    A submit that is under way refers to its caller; ``key_share`` lets it, so that nobody is passed over.
    """
    return (await connection.execute(_LOCK, {"ids": caller_ids})).all()


async def save_shares(connection: AsyncConnection, shares: Sequence[Mapping[str, Any]]) -> None:
    """Note where the fair shares of callers stand; each share has the caller's ``id`` and ``SHARE``."""
    if shares:
        statement = _save_shares(connection.dialect.name)
        await connection.execute(statement, rows_parameter(connection, shares))


_LOCK = (
    select(callers)
    .where(callers.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(callers.c.id)
    .with_for_update(skip_locked=True, key_share=True)
)
SHARE = ("deficit", "turn", "campaign_turn", "priority_turn", "next_start_at")


@lru_cache(maxsize=2)
def _save_shares(dialect: str) -> Update:
    given = rows_source(dialect, [callers.c[name] for name in ("id", *SHARE)])
    return update(callers).where(callers.c.id == given.c.id).values({name: given.c[name] for name in SHARE})


async def any_caller(connection: AsyncConnection) -> bool:
    """Tell whether there is a caller at all: proves that the tables are there."""
    return (await connection.execute(select(callers.c.id).limit(1))).first() is not None
