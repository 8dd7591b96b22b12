"""Channel rows: their settings, and their state since."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.channels import ChannelSettings
from models.ids import new_id
from models.integrity.unreadable import readable
from models.tables import channels
from models.text_order import code_points

_ALL = select(channels).order_by(code_points(channels.c.name))
_LOCK = (
    select(channels)
    .where(channels.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(channels.c.id)
    .with_for_update(skip_locked=True)
)
_PAUSE = ("paused_at", "paused_reason", "paused_by", "paused_until", "draining_at")  # columns of a pause
_CHANGE = update(channels).where(channels.c.id == bindparam("channel_id"))


async def sync_channels(
    connection: AsyncConnection,
    wanted: Sequence[ChannelSettings],
    at: datetime,
    *,
    images_per_call: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write the settings of a worker that starts into the channels' rows: the newest settings are in force.

    ``images_per_call``: by a channel's name, the images that one call asks for at most, where it is not all
    of its job's. The rows of other channels stay as they are: other workers may know those
    (``mark_configured``).
    """
    known = {row.name for row in await list_channels(connection)}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for channel in wanted:
        if not channel.enabled and channel.name in known:
            continue
        values: dict[str, Any] = {
            "models": list(channel.models),
            "rpm": channel.rpm,
            "concurrency": channel.concurrency,
            "limits": channel.all_limits(),
            "images_per_call": images_per_call.get(channel.name),
            "tier": channel.order,
            "weight": channel.weight,
            "configured": channel.enabled,
            "updated_at": at,
        }
        if channel.name in known:
            await connection.execute(update(channels).where(channels.c.name == channel.name).values(**values))
        else:
            row = {"id": new_id(), "name": channel.name, "blocked_models": {}, **values}
            # several workers may start at once
            await connection.execute(
                insert(channels).values(**row).on_conflict_do_nothing(index_elements=["name"])
            )


async def mark_configured(connection: AsyncConnection, known: Set[str]) -> None:
    """Mark the channels that a live worker knows as configured, and the others as not; their rows stay."""
    for now, named in ((True, channels.c.name.in_(known)), (False, channels.c.name.not_in(known))):
        differ = named, channels.c.configured.is_not(now)
        await connection.execute(update(channels).where(*differ).values(configured=now))


async def delete_channel(connection: AsyncConnection, name: str) -> bool:
    """Delete a channel's row with its state. Return whether there was one."""
    return (await connection.execute(delete(channels).where(channels.c.name == name))).rowcount > 0


async def list_channels(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return all channels by name."""
    return readable(await connection.execute(_ALL), "channel")


async def lock_channel(
    connection: AsyncConnection, channel_id: UUID, *, wait: bool = False
) -> Row[Any] | None:
    """Lock a channel for this transaction; ``None`` if it is locked elsewhere and ``wait`` is false."""
    statement = select(channels).where(channels.c.id == channel_id).with_for_update(skip_locked=not wait)
    return (await connection.execute(statement)).one_or_none()


async def lock_channels(connection: AsyncConnection, channel_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Lock the channels that are not locked elsewhere."""
    return readable(await connection.execute(_LOCK, {"ids": channel_ids}), "channel")


async def change_channel(connection: AsyncConnection, channel_id: UUID, changes: Mapping[str, Any]) -> None:
    """Set some columns of a channel."""
    await connection.execute(_CHANGE, {"channel_id": channel_id, **changes})


async def pause(
    connection: AsyncConnection,
    name: str,
    reason: str,
    at: datetime,
    *,
    drain: bool = False,
    by: str | None = None,
    until: datetime | None = None,
) -> bool:
    """Start no more calls on a channel; calls in flight go on. Return whether there is such a channel.

    ``drain`` does the same, and the channel's state shows when nothing is in flight any more. ``until``: a
    worker ends the pause then (``end_pauses``).
    """
    since = {"paused_at": None, "draining_at": at} if drain else {"paused_at": at, "draining_at": None}
    about = {"paused_reason": reason, "paused_by": by, "paused_until": until}
    changes = {**since, **about, "updated_at": at}
    result = await connection.execute(update(channels).where(channels.c.name == name).values(**changes))
    return result.rowcount > 0


async def pause_model(connection: AsyncConnection, name: str, model: str, reason: str, at: datetime) -> bool:
    """Start no more calls of one model on a channel. Return whether there is such a channel."""
    channel = await _lock_named(connection, name)
    if channel is not None:
        blocked = {**channel.blocked_models, model: reason}
        await change_channel(connection, channel.id, {"blocked_models": blocked, "updated_at": at})
    return channel is not None


async def end_pauses(connection: AsyncConnection, at: datetime) -> Sequence[str]:
    """End the pauses whose time is over; what else closes a channel stays. Return the channels' names."""
    over = update(channels).where(channels.c.paused_until <= at)
    ended = await connection.scalars(
        over.values(**dict.fromkeys(_PAUSE), updated_at=at).returning(channels.c.name)
    )
    return ended.all()


async def resume(connection: AsyncConnection, name: str, at: datetime, *, forget: bool = False) -> bool:
    """Open a channel again, for any reason it was closed. Return whether there is such a channel.

    ``forget`` also clears what was learned of its limits, and what its limits have counted.
    """
    channel = await _lock_named(connection, name)
    if channel is None:
        return False
    closings = (*_PAUSE, "tripped_at", "tripped_reason", "cooldown_until", "cooldown_reason")
    changes: dict[str, Any] = {
        **dict.fromkeys(closings),
        "blocked_models": {},
        "breakers": {},
        "shut_signs": {},
        "learned_models": {model: _warm(state) for model, state in channel.learned_models.items()},
        "updated_at": at,
    }
    if forget:
        changes |= {"learned": None, "learned_models": {}, "pace": {}, "next_start_at": None}
    await change_channel(connection, channel.id, changes)
    return True


async def resume_model(
    connection: AsyncConnection, name: str, model: str, at: datetime, *, forget: bool = False
) -> bool:
    """Open one model of a channel again. Return whether there is such a channel.

    ``forget`` also clears what was learned of its limits, and what its limits have counted.
    """
    channel = await _lock_named(connection, name)
    if channel is None:
        return False
    changes: dict[str, Any] = {
        column: {key: value for key, value in getattr(channel, column).items() if key != model}
        for column in ("blocked_models", "breakers", "shut_signs", "learned_models")
    }
    if forget:
        counted = channel.pace.items()
        changes["pace"] = {key: value for key, value in counted if not key.startswith(f"{model}/")}
    elif state := channel.learned_models.get(model):
        changes["learned_models"][model] = _warm(state)
    await change_channel(connection, channel.id, {**changes, "updated_at": at})
    return True


def _warm(state: Mapping[str, Any]) -> dict[str, Any]:
    """End the cool-down of a model's learned limits."""
    return {**state, "cooldown_from": None, "cooldown_until": None, "cooldown_reason": None}


async def _lock_named(connection: AsyncConnection, name: str) -> Row[Any] | None:
    statement = select(channels).where(channels.c.name == name).with_for_update()
    return (await connection.execute(statement)).one_or_none()
