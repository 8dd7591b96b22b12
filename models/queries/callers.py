"""Callers, the owners of jobs: their limits and their fair shares. Their keys are in ``api_keys``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, Update, and_, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import NotFound
from models.ids import parse_id
from models.queries.api_keys import has_usable_key
from models.queries.bulk import rows_parameter, rows_source
from models.states import JobStatus
from models.tables import Utc, callers, jobs

_UNFINISHED = (JobStatus.QUEUED, JobStatus.LEASED, JobStatus.RUNNING, JobStatus.STORING)
LIMITS = ("rpm", "concurrency", "max_queued", "weight")  #: columns that an operator may set


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
    """Insert a caller with its first key. ``False`` if the key exists already; nothing changes then.

    ``limits`` holds columns of ``LIMITS``. A trigger inserts the key, with the caller's id, name and role.
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
    inserted = await connection.execute(statement.on_conflict_do_nothing().returning(callers.c.id))
    return inserted.first() is not None


async def list_ids(connection: AsyncConnection, *, name: str | None = None) -> Sequence[UUID]:
    """Return the ids of all callers, or of those with this name (it need not be unique), oldest first."""
    query = select(callers.c.id).order_by(callers.c.id)
    return (await connection.scalars(query if name is None else query.where(callers.c.name == name))).all()


async def callers_named(connection: AsyncConnection, given: str) -> list[tuple[UUID, str]]:
    """Return id and name of the callers with this name, or of the one with this public id."""
    query = select(callers.c.id, callers.c.name).order_by(callers.c.id)
    try:
        own = query.where(callers.c.id == parse_id("caller", given))
    except NotFound:
        own = query.where(callers.c.name == given)
    return [(row.id, row.name) for row in await connection.execute(own)]


async def oldest_caller(connection: AsyncConnection) -> UUID | None:
    """Return the id of the first caller, which is never deleted: by it a database can be told from others."""
    return await connection.scalar(select(callers.c.id).order_by(callers.c.id).limit(1))


async def names_of(connection: AsyncConnection, caller_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of callers by their ids."""
    if not caller_ids:
        return {}
    query = select(callers.c.id, callers.c.name).where(callers.c.id.in_(caller_ids))
    return {row.id: row.name for row in await connection.execute(query)}


async def change_limits(
    connection: AsyncConnection, caller_id: UUID, limits: Mapping[str, float | None]
) -> None:
    """Set some of a caller's ``LIMITS``; ``None`` removes a limit."""
    await connection.execute(update(callers).where(callers.c.id == caller_id).values(**limits))


@dataclass(frozen=True, slots=True)
class QueueRoom:
    """Queue limit of a caller, and its queued jobs (not counted beyond the limit)."""

    limit: int
    queued: int

    @property
    def left(self) -> int:
        """Jobs that may still be submitted."""
        return max(self.limit - self.queued, 0)


async def lock_submits(connection: AsyncConnection, caller_id: UUID) -> None:
    """Let concurrent submits of one caller wait for each other, until this transaction ends.

    An advisory lock, since dispatch rounds skip a caller whose row is locked. What is read after it includes
    what the submits before have committed. SQLite's writers take turns anyway.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(caller_id.bytes[8:], signed=True)  # the random half of a UUIDv7
        await connection.execute(_LOCK_SUBMITS, {"key": key})


async def lock_queue_room(connection: AsyncConnection, caller_id: UUID) -> QueueRoom | None:
    """Return a caller's queue room, locked until this transaction ends; ``None``: no limit.

    Concurrent submits of one caller wait for each other here, so that together they do not exceed the limit.
    """
    await lock_submits(connection, caller_id)
    limit = await connection.scalar(select(callers.c.max_queued).where(callers.c.id == caller_id))
    if limit is None:
        return None
    return QueueRoom(limit, await count_queued(connection, caller_id, most=limit))


async def count_queued(connection: AsyncConnection, caller_id: UUID, *, most: int) -> int:
    """Return how many jobs of a caller are queued; no more than ``most`` are counted."""
    waiting = (
        select(jobs.c.id)
        .where(jobs.c.caller_id == caller_id, jobs.c.status == JobStatus.QUEUED.value)
        .limit(most)
        .subquery()
    )
    return await connection.scalar(select(func.count()).select_from(waiting)) or 0


async def lock_shares(
    connection: AsyncConnection, caller_ids: Sequence[UUID], at: datetime
) -> Sequence[Row[Any]]:
    """Lock the callers that no other dispatch round has locked; return their limits and fair shares.

    Callers without a usable key, and those whose budget is used up, are left out: nothing is called for
    them. A concurrent submit references its caller's row; ``key_share`` permits that, so the caller is not
    skipped.
    """
    return (await connection.execute(_LOCK, {"ids": caller_ids, "at": at})).all()


async def count_usable(connection: AsyncConnection, caller_ids: Sequence[UUID], at: datetime) -> int:
    """Count the callers that ``lock_shares`` would return if no other dispatch round had locked them."""
    return int(await connection.scalar(_COUNT_USABLE, {"ids": caller_ids, "at": at}) or 0)


async def save_shares(connection: AsyncConnection, shares: Sequence[Mapping[str, Any]]) -> None:
    """Save the fair shares of callers; each share has the caller's ``id`` and the columns ``SHARE``."""
    if shares:
        statement = _save_shares(connection.dialect.name)
        await connection.execute(statement, rows_parameter(connection, shares))


_LOCK_SUBMITS = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_MAY_CALL = and_(
    callers.c.id.in_(bindparam("ids", expanding=True)),
    has_usable_key(bindparam("at", type_=Utc())),
    or_(
        callers.c.budget_closed_at.is_(None),
        callers.c.budget_closed_until <= bindparam("at", type_=Utc()),
    ),
)
_LOCK = (
    select(callers).where(_MAY_CALL).order_by(callers.c.id).with_for_update(skip_locked=True, key_share=True)
)
_COUNT_USABLE = select(func.count()).select_from(callers).where(_MAY_CALL)
SHARE = ("deficit", "turn", "campaign_turn", "priority_turn", "next_start_at")


@lru_cache(maxsize=2)
def _save_shares(dialect: str) -> Update:
    given = rows_source(dialect, [callers.c[name] for name in ("id", *SHARE)])
    return update(callers).where(callers.c.id == given.c.id).values({name: given.c[name] for name in SHARE})


async def any_caller(connection: AsyncConnection) -> bool:
    """Return whether there is any caller: proves that the tables exist."""
    return (await connection.execute(select(callers.c.id).limit(1))).first() is not None


async def has_other_callers(connection: AsyncConnection, caller_id: UUID) -> bool:
    """Return whether another caller has jobs that wait or run."""
    waiting = exists().where(jobs.c.caller_id == callers.c.id, jobs.c.status.in_(_UNFINISHED))
    statement = select(callers.c.id).where(callers.c.id != caller_id, waiting).limit(1)
    return (await connection.execute(statement)).first() is not None
