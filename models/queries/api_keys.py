"""API keys of callers: find, insert, expire and revoke them; callers that have no usable key."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.api_keys import FROM_SETTINGS, ApiKey, Role
from models.queue_status import KeylessCaller
from models.tables import api_keys, callers

_USE_INTERVAL = timedelta(minutes=1)  # between two writes of a key's last use
_STORED = tuple(name for name in ApiKey.__dataclass_fields__ if name not in ("caller", "role"))
KEYS: Select[Any] = select(
    *(api_keys.c[name] if name in api_keys.c else callers.c[name] for name in _STORED),
    callers.c.name.label("caller"),
    api_keys.c.role,
).join_from(api_keys, callers, callers.c.id == api_keys.c.caller_id)
"""The keys with their callers; ``api_key_of`` reads a row."""


def is_usable(at: Any) -> ColumnElement[bool]:
    """Return the condition that a key is accepted at a time, a value or a bind parameter."""
    return and_(
        api_keys.c.revoked_at.is_(None),
        api_keys.c.removed_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at),
    )


def has_usable_key(at: Any) -> ColumnElement[bool]:
    """Return the condition that a row of ``callers`` has a usable key: without one its jobs do not start."""
    return (
        select(api_keys.c.id)
        .where(api_keys.c.caller_id == callers.c.id, is_usable(at))
        .correlate(callers)
        .exists()
    )


async def find_key(connection: AsyncConnection, key_hash: bytes) -> ApiKey | None:
    """Return the key with this hash in whatever state, or ``None``."""
    row = (await connection.execute(KEYS.where(api_keys.c.key_hash == key_hash))).first()
    return None if row is None else api_key_of(row)


async def find_identity(connection: AsyncConnection, identity: str) -> ApiKey | None:
    """Return the key of a person who logs in by OpenID Connect, in whatever state, or ``None``."""
    row = (await connection.execute(KEYS.where(api_keys.c.identity == identity))).first()
    return None if row is None else api_key_of(row)


async def find_hash(connection: AsyncConnection, key_id: UUID) -> bytes | None:
    """Return the hash of a key in whatever state, or ``None``."""
    found = await connection.scalar(select(api_keys.c.key_hash).where(api_keys.c.id == key_id))
    return None if found is None else bytes(found)


async def list_keys(connection: AsyncConnection) -> list[ApiKey]:
    """Return all keys, by caller, oldest first."""
    rows = await connection.execute(KEYS.order_by(api_keys.c.caller_id, api_keys.c.created_at, api_keys.c.id))
    return [api_key_of(row) for row in rows]


async def insert_key(
    connection: AsyncConnection,
    key_id: UUID,
    *,
    caller_id: UUID,
    name: str,
    key_hash: bytes,
    key_hint: str,
    role: Role,
    at: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Insert a further key of a caller; its first one is inserted with the caller."""
    values = {"id": key_id, "caller_id": caller_id, "name": name, "key_hash": key_hash, "key_hint": key_hint}
    row = {**values, "role": role.value, "created_at": at, "expires_at": expires_at}
    await connection.execute(insert(api_keys).values(**row))


async def change_key(connection: AsyncConnection, key_id: UUID, **changes: Any) -> None:
    """Set the name, the role, the expiry or the identity of a key."""
    await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(**changes))


async def revoke_keys(connection: AsyncConnection, key_ids: Collection[UUID], *, at: datetime) -> int:
    """Revoke keys. Return how many were not revoked before."""
    result = await connection.execute(
        update(api_keys)
        .where(api_keys.c.id.in_(key_ids), api_keys.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    # a first key has the id of its caller: processes of the version before read its revocation there
    await connection.execute(
        update(callers).where(callers.c.id.in_(key_ids), callers.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return result.rowcount


async def known_hashes(connection: AsyncConnection, hashes: Collection[bytes]) -> set[bytes]:
    """Return those of the hashes for which there is a key, in whatever state."""
    found = await connection.scalars(select(api_keys.c.key_hash).where(api_keys.c.key_hash.in_(hashes)))
    return {bytes(key_hash) for key_hash in found}


async def mark_removed(connection: AsyncConnection, configured: Collection[bytes], *, at: datetime) -> None:
    """Note which keys of the settings these have, by their hashes, and since when they lack the others."""
    of_settings = update(api_keys).where(api_keys.c.name == FROM_SETTINGS)
    here = api_keys.c.key_hash.in_(configured)
    await connection.execute(of_settings.where(~here, api_keys.c.removed_at.is_(None)).values(removed_at=at))
    await connection.execute(
        of_settings.where(here, api_keys.c.removed_at.is_not(None)).values(removed_at=None)
    )


async def restore_key(connection: AsyncConnection, key_id: UUID) -> None:
    """Note that the settings have a key again."""
    await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(removed_at=None))


async def save_last_uses(connection: AsyncConnection, uses: Mapping[UUID, datetime]) -> None:
    """Write when keys were last used, unless another process has written that within a minute."""
    for key_id, at in sorted(uses.items()):
        last = api_keys.c.last_used_at
        due = or_(last.is_(None), last <= at - _USE_INTERVAL)
        await connection.execute(update(api_keys).where(api_keys.c.id == key_id, due).values(last_used_at=at))


async def list_keyless(connection: AsyncConnection, at: datetime) -> Sequence[KeylessCaller]:
    """Return the callers that have no usable key: their queued jobs do not start."""
    ended = func.coalesce(api_keys.c.revoked_at, api_keys.c.removed_at, api_keys.c.expires_at)
    statement = (
        select(callers.c.id, callers.c.name, func.max(ended, type_=api_keys.c.revoked_at.type).label("since"))
        .join_from(callers, api_keys, api_keys.c.caller_id == callers.c.id)
        .group_by(callers.c.id, callers.c.name)
        .having(func.max(case((is_usable(at), 1), else_=0)) == 0)
    )
    return [KeylessCaller(*row) for row in await connection.execute(statement)]


def api_key_of(row: Row[Any]) -> ApiKey:
    """Return the key of a row that has the columns of ``KEYS``, and perhaps others."""
    values = {name: row._mapping[name] for name in ApiKey.__dataclass_fields__}
    return ApiKey(**values | {"role": Role(values["role"])})
