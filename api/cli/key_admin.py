"""API keys in the database: create, limit and revoke them for the operator's commands."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import FROM_SETTINGS
from models.api_keys import hash_key, hint_of, new_key
from models.clock import now
from models.errors import NotFound
from models.ids import new_id, parse_id
from models.queries.callers import change_limits, insert_caller, list_callers, revoke_caller

Limits = Mapping[str, float | None]  #: of ``models.queries.callers.LIMITS``


async def create_key(
    connection: AsyncConnection, name: str, *, admin: bool, limits: Limits | None = None
) -> tuple[UUID, str]:
    """Create a caller; return its id and its key, which is stored nowhere."""
    caller_id, key = new_id(), new_key()
    await insert_caller(
        connection,
        caller_id,
        name=name,
        key_hash=hash_key(key),
        key_hint=hint_of(key),
        admin=admin,
        at=now(),
        limits=limits,
    )
    return caller_id, key


async def revoke_keys(connection: AsyncConnection, name_or_id: str) -> int:
    """Revoke all keys of this name, or the one with this id. Return how many were still valid."""
    chosen = _id_of(name_or_id)
    revoked = 0
    for caller in await list_callers(connection):
        if caller.revoked_at is None and (caller.id == chosen if chosen else caller.name == name_or_id):
            revoked += await revoke_caller(connection, caller.id, at=now())
    return revoked


async def limit_keys(connection: AsyncConnection, name_or_id: str, limits: Limits) -> int:
    """Change the limits of all keys of this name, or of the one with this id. Return their number."""
    chosen = _id_of(name_or_id)
    found = [
        caller.id
        for caller in await list_callers(connection)
        if (caller.id == chosen if chosen else caller.name == name_or_id and caller.revoked_at is None)
    ]
    for caller_id in found:
        await change_limits(connection, caller_id, limits)
    return len(found)


async def has_key(connection: AsyncConnection) -> bool:
    """Return whether a key created in the database is valid. Keys of the settings do not count."""
    return any(
        caller.revoked_at is None and caller.name != FROM_SETTINGS
        for caller in await list_callers(connection)
    )


def _id_of(text: str) -> UUID | None:
    try:
        return parse_id("caller", text)
    except NotFound:
        return None
