"""Callers and their API keys in the database: created, rotated, limited and revoked by commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.key_admin import CreatedKey, Limits, add_key, create_key, replace_keys
from api.cli.exit_codes import CommandFailed, Exit
from models.api_keys import FROM_SETTINGS, ApiKey, KeyState
from models.clock import now
from models.errors import NotFound
from models.ids import Kind, parse_id, public_id
from models.queries import api_keys
from models.queries.callers import change_limits, list_ids
from models.queries.jobs import count_queued, lock_queued
from models.queries.short_ids import whole_id
from worker.lifecycle import cancel, commit

__all__ = ["CreatedKey", "Limits", "add_key", "create_key"]
_KINDS: Sequence[Kind] = ("key", "caller")
_BATCH = 500  # jobs that are cancelled in one transaction


@dataclass(frozen=True, slots=True)
class Revocation:
    """Keys that are to be revoked, and the callers that have no usable key then, with their queued jobs."""

    key_ids: Sequence[UUID]
    keyless: Sequence[UUID]
    queued: int


async def find_caller(connection: AsyncConnection, name_or_id: str) -> UUID:
    """Return the caller with this name or id. Raises ``CommandFailed`` if there is none, or several."""
    keys = await api_keys.list_keys(connection)
    name_or_id = await _whole_id(connection, name_or_id)
    caller_id = _id_of("caller", name_or_id)
    of_keys = {key.caller_id for key in keys}
    found = [caller_id] if caller_id in of_keys else await list_ids(connection, name=name_or_id)
    return _only(found, f"There is no caller {name_or_id!r}; see `darkroom keys list`.")


async def rotate_key(
    connection: AsyncConnection,
    name_or_id: str,
    *,
    overlap: timedelta,
    expires_at: datetime | None = None,
    at: datetime,
) -> CreatedKey:
    """Replace the keys of this name, or the one with this id, by a new one with the same role and lifetime.

    The old ones are valid for the overlap, or until they expire. Raises ``CommandFailed``.
    """
    name_or_id = await _whole_id(connection, name_or_id)
    found = [
        key
        for key in _chosen(await api_keys.list_keys(connection), name_or_id)
        if key.state(at) in (KeyState.READY, KeyState.EXPIRED)
    ]
    unknown = f"There is no key {name_or_id!r} to rotate; see `darkroom keys list`."
    caller_id = _only(sorted({key.caller_id for key in found}), unknown)
    last = found[-1]
    if last.name == FROM_SETTINGS:
        raise CommandFailed(
            Exit.USAGE,
            "This key comes from the settings. Give its caller another one, then take it from the settings: "
            f"darkroom keys create NAME --caller {public_id('caller', caller_id)}",
        )
    if len({key.name for key in found}) > 1:
        raise CommandFailed(Exit.USAGE, "This caller has several keys; name one of them.")
    return await replace_keys(connection, found, overlap=overlap, expires_at=expires_at, at=at)


async def plan_revocation(connection: AsyncConnection, name_or_id: str, at: datetime) -> Revocation:
    """Return what a revocation of all keys of this name, or of this id, or of a caller's id means."""
    keys = await api_keys.list_keys(connection)
    name_or_id = await _whole_id(connection, name_or_id)
    chosen = {key.id: key for key in _chosen(keys, name_or_id)}
    usable = {key.caller_id for key in keys if key.id not in chosen and key.state(at) is KeyState.READY}
    keyless = sorted({key.caller_id for key in chosen.values()} - usable)
    return Revocation(
        [key.id for key in chosen.values() if key.revoked_at is None],
        keyless,
        await count_queued(connection, keyless),
    )


async def revoke_keys(connection: AsyncConnection, name_or_id: str) -> int:
    """Revoke all keys of this name, or the one with this id. Return how many were not revoked before."""
    planned = await plan_revocation(connection, name_or_id, now())
    return await api_keys.revoke_keys(connection, planned.key_ids, at=now())


async def cancel_queued(connection: AsyncConnection, caller_ids: Sequence[UUID]) -> int:
    """Cancel some queued jobs of callers whose keys were revoked. Return their number; 0: none is left."""
    found = await lock_queued(connection, caller_ids, limit=_BATCH)
    why = "cancelled by an administrator, who revoked the caller's last key"
    await commit(connection, [cancel(job, at=now(), why=why) for job in found])
    return len(found)


async def limit_callers(connection: AsyncConnection, name_or_id: str, limits: Limits) -> int:
    """Change the limits of the callers that have this name or id, or a key with it. Return their number.

    A name means only callers that have a key which is not revoked.
    """
    keys = await api_keys.list_keys(connection)
    name_or_id = await _whole_id(connection, name_or_id)
    by_id = _id_of("caller", name_or_id) or _id_of("key", name_or_id)
    named = [key for key in keys if key.revoked_at is None and name_or_id in (key.name, key.caller)]
    chosen = {key.caller_id for key in (_chosen(keys, name_or_id) if by_id else named)}
    for caller_id in chosen:
        await change_limits(connection, caller_id, limits)
    return len(chosen)


async def has_key(connection: AsyncConnection) -> bool:
    """Return whether a key created in the database is usable. Keys of the settings do not count."""
    at = now()
    return any(
        key.state(at) is KeyState.READY and key.name != FROM_SETTINGS
        for key in await api_keys.list_keys(connection)
    )


def usable_key(keys: Sequence[ApiKey], name_or_id: str, at: datetime) -> ApiKey:
    """Return the newest usable key with this id or name. Raises ``CommandFailed`` if there is none."""
    found = [key for key in _chosen(keys, name_or_id) if key.state(at) is KeyState.READY]
    if not found:
        raise CommandFailed(
            Exit.NOT_FOUND, f"There is no usable key {name_or_id!r}; see `darkroom keys list`."
        )
    return max(found, key=lambda key: key.created_at)


def _chosen(keys: Sequence[ApiKey], name_or_id: str) -> list[ApiKey]:
    """Return the key with this id, the keys of the caller with this id, or all keys of this name."""
    if (key_id := _id_of("key", name_or_id)) is not None:
        return [key for key in keys if key.id == key_id]
    if (caller_id := _id_of("caller", name_or_id)) is not None:
        return [key for key in keys if key.caller_id == caller_id]
    return [key for key in keys if key.name == name_or_id]


async def _whole_id(connection: AsyncConnection, text: str) -> str:
    """Return the id of a key or caller that a short id stands for; other texts stay.

    Raises ``InvalidRequest`` for one that several have. A short id without its kind is taken for a name.
    """
    for kind in _KINDS:
        if text.startswith(f"{kind}_"):
            return await whole_id(connection, kind, text, caller_id=None, field=kind)
    return text


def _only(callers: Sequence[UUID], unknown: str) -> UUID:
    if not callers:
        raise CommandFailed(Exit.NOT_FOUND, unknown)
    if len(callers) > 1:
        ids = ", ".join(public_id("caller", caller_id) for caller_id in callers)
        raise CommandFailed(Exit.USAGE, f"Several callers have this name; use an id: {ids}.")
    return callers[0]


def _id_of(kind: Kind, text: str) -> UUID | None:
    try:
        return parse_id(kind, text)
    except NotFound:
        return None
