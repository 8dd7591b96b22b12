"""Sessions of browsers and the one-time links that open them; both are found by the hash of a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.api_keys import ApiKey
from models.queries.api_keys import KEYS, api_key_of
from models.tables import api_keys, callers, login_links, sessions


@dataclass(frozen=True, slots=True)
class Session:
    """An open or ended session; ``key_hash`` is its key's, by which the caller is found."""

    id: UUID
    key_id: UUID
    key_hash: bytes
    expires_at: datetime
    ended_at: datetime | None


async def insert_link(
    connection: AsyncConnection, token_hash: bytes, key_id: UUID, *, at: datetime, expires_at: datetime
) -> None:
    """Insert a one-time link of a key; those that have expired are deleted."""
    await connection.execute(delete(login_links).where(login_links.c.expires_at < at))
    values = {"token_hash": token_hash, "key_id": key_id, "created_at": at, "expires_at": expires_at}
    await connection.execute(insert(login_links).values(**values))


async def use_link(connection: AsyncConnection, token_hash: bytes, at: datetime) -> UUID | None:
    """Mark a link as used and return its key; ``None`` if it is unknown, used or expired."""
    unused = login_links.c.used_at.is_(None), login_links.c.expires_at > at
    statement = update(login_links).where(login_links.c.token_hash == token_hash, *unused)
    found = await connection.execute(statement.values(used_at=at).returning(login_links.c.key_id))
    key_id: UUID | None = found.scalar()
    return key_id


async def insert_session(
    connection: AsyncConnection,
    session_id: UUID,
    token_hash: bytes,
    key_id: UUID,
    *,
    browser: str,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Insert a session; those of the same key that have expired are deleted."""
    old = sessions.c.key_id == key_id, sessions.c.expires_at < at
    await connection.execute(delete(sessions).where(*old))
    values = {"id": session_id, "token_hash": token_hash, "key_id": key_id, "browser": browser}
    await connection.execute(insert(sessions).values(**values, created_at=at, expires_at=expires_at))


_OWN = (sessions.c.id, sessions.c.key_id, api_keys.c.key_hash, sessions.c.expires_at, sessions.c.ended_at)
_WITH_KEY = KEYS.add_columns(*(column.label(f"session_{column.name}") for column in _OWN)).join(
    sessions, sessions.c.key_id == api_keys.c.id
)


async def find_session(connection: AsyncConnection, token_hash: bytes) -> tuple[Session, ApiKey] | None:
    """Return the session with this hash and its key, each in whatever state, or ``None``."""
    row = (await connection.execute(_WITH_KEY.where(sessions.c.token_hash == token_hash))).first()
    if row is None:
        return None
    key_id, key_hash = row.session_key_id, bytes(row.session_key_hash)
    session = Session(row.session_id, key_id, key_hash, row.session_expires_at, row.session_ended_at)
    return session, api_key_of(row)


async def end_sessions(
    connection: AsyncConnection, at: datetime, *, session_id: UUID | None = None, key_id: UUID | None = None
) -> int:
    """End one session, or all of a key. Return how many were open."""
    chosen = or_(sessions.c.id == session_id, sessions.c.key_id == key_id)
    statement = update(sessions).where(chosen, sessions.c.ended_at.is_(None)).values(ended_at=at)
    return (await connection.execute(statement)).rowcount


async def list_sessions(connection: AsyncConnection, at: datetime) -> Sequence[Row[Any]]:
    """Return the open sessions with the name, role and caller of their keys, newest first."""
    key = (
        *(api_keys.c.name.label("key_name"), api_keys.c.role, api_keys.c.identity),
        callers.c.name.label("caller"),
    )
    query: Select[Any] = (
        select(sessions.c.id, sessions.c.browser, sessions.c.created_at, sessions.c.expires_at, *key)
        .join_from(sessions, api_keys, api_keys.c.id == sessions.c.key_id)
        .join(callers, callers.c.id == api_keys.c.caller_id)
        .where(sessions.c.ended_at.is_(None), sessions.c.expires_at > at, api_keys.c.revoked_at.is_(None))
    )
    rows: Sequence[Row[Any]] = (await connection.execute(query.order_by(sessions.c.created_at.desc()))).all()
    return rows
