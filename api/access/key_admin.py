"""API keys of callers: create, add, replace; for commands, the API and the dashboard alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from models.api_keys import ApiKey, Role, hash_key, hint_of, new_key
from models.clock import now, rfc3339
from models.errors import Conflict
from models.ids import new_id, public_id
from models.queries import api_keys
from models.queries.callers import insert_caller

Limits = Mapping[str, float | None]  #: of ``models.queries.callers.LIMITS``


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; ``key`` is the only copy of it."""

    id: UUID
    caller_id: UUID
    name: str
    role: Role
    expires_at: datetime | None
    key: str


async def create_key(
    connection: AsyncConnection,
    name: str,
    *,
    role: Role = Role.USER,
    expires_at: datetime | None = None,
    limits: Limits | None = None,
) -> CreatedKey:
    """Create a caller of this name with its first key."""
    caller_id, key = new_id(), new_key()
    await insert_caller(
        connection,
        caller_id,
        name=name,
        key_hash=hash_key(key),
        key_hint=hint_of(key),
        admin=role is Role.ADMIN,
        at=now(),
        limits=limits,
    )
    if expires_at is not None:
        await api_keys.change_key(connection, caller_id, expires_at=expires_at)
    if role not in (Role.USER, Role.ADMIN):  # the trigger that inserts the key knows these two
        await api_keys.change_key(connection, caller_id, role=role.value)
    return _described(CreatedKey(caller_id, caller_id, name, role, expires_at, key))


async def add_key(
    connection: AsyncConnection,
    caller_id: UUID,
    name: str,
    *,
    role: Role = Role.USER,
    expires_at: datetime | None = None,
) -> CreatedKey:
    """Create a further key of a caller."""
    key_id, key = new_id(), new_key()
    await api_keys.insert_key(
        connection,
        key_id,
        caller_id=caller_id,
        name=name,
        key_hash=hash_key(key),
        key_hint=hint_of(key),
        role=role,
        at=now(),
        expires_at=expires_at,
    )
    return _described(CreatedKey(key_id, caller_id, name, role, expires_at, key))


async def replace_keys(
    connection: AsyncConnection,
    found: Sequence[ApiKey],
    *,
    overlap: timedelta,
    expires_at: datetime | None = None,
    at: datetime,
) -> CreatedKey:
    """Replace keys of one caller and name by a new one with the role and the lifetime of the newest.

    The old ones are valid for the overlap, or until they expire. Raises ``Conflict`` for a person's key,
    which has no secret.
    """
    if any(key.identity for key in found):
        raise Conflict("A person logs in by this key through OpenID Connect: it has no secret to replace.")
    last, end = found[-1], at + overlap
    if expires_at is None and last.expires_at is not None:
        expires_at = at + (last.expires_at - last.created_at)
    for key in found:
        if not overlap:
            await api_keys.revoke_keys(connection, [key.id], at=at)
        elif key.expires_at is None or key.expires_at > end:
            await api_keys.change_key(connection, key.id, expires_at=end)
    return await add_key(connection, last.caller_id, last.name, role=last.role, expires_at=expires_at)


def _described(made: CreatedKey) -> CreatedKey:
    """Describe a new key for the audit log, without its secret."""
    expiry = rfc3339(made.expires_at) if made.expires_at else None
    describe_change(
        target=public_id("key", made.id),
        count=1,
        after={"name": made.name, "role": made.role.value, "expires_at": expiry},
    )
    return made
