"""Notices: what is set up wrong or needs a person, in words, each with the fix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.channel_status import ChannelState
from api.dashboard.language.locales import msgid
from api.dashboard.page import PageView
from models.api_keys import Role
from models.queries.api_keys import list_keyless
from models.queries.operations.notices import Notice as AlertNotice
from models.queries.operations.notices import list_notices

_NO_WORKER = msgid("No worker runs, and %(count)s jobs wait.")
_START_WORKER = msgid("Start one: darkroom work (or darkroom up).")
_NO_CHANNEL = msgid("No provider is configured: every job waits.")
_SET_CHANNEL = msgid(
    "Set DARKROOM_UPSTREAM_BASE_URL, or write [[channels]] into darkroom.toml, and start again."
)
_TRIPPED = msgid("The channel %(name)s is shut: %(why)s")
_RESUME = msgid("Correct it at the provider, then resume the channel.")
_DATABASE = msgid("The database has a problem: %(why)s")
_STORAGE = msgid("The image store has a problem: %(why)s")
_STORAGE_FIX = msgid(
    "Images wait in the workers until it answers. See DARKROOM_STORAGE_URL, and: darkroom doctor"
)
_BROKER = msgid("The broker carries no messages: %(why)s")
_BROKER_FIX = msgid("Jobs go on without it, a little later. See DARKROOM_BROKER_URL, and: darkroom doctor")
_KEYLESS = msgid("The caller %(name)s has no usable key: its queued jobs wait.")
_KEYLESS_FIX = msgid("Make one: darkroom keys create NAME --caller %(name)s")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice: text and fix are texts for translation, with ``values`` of both."""

    level: str  #: ``error`` or ``warning``
    text: str
    fix: str
    values: Mapping[str, Any] = field(default_factory=dict)
    href: str | None = None


async def read_alerts(view: PageView) -> Sequence[AlertNotice]:
    """Return the alerts that hold, those that nobody has acknowledged first; only admins get any."""
    if view.caller.role is not Role.ADMIN:
        return ()
    async with view.services.database.reading() as connection:
        found = await list_notices(connection)
    return sorted(found, key=lambda each: each.acknowledged_at is not None)


async def read_notices(
    view: PageView, workers: int, channels: Sequence[Mapping[str, Any]], queued: int
) -> list[Notice]:
    """Return the notices that concern everybody who sees all jobs; a user gets none."""
    if not view.caller.role.sees_all:
        return []
    found = []
    if not any(each["configured"] for each in channels):
        found.append(Notice("error", _NO_CHANNEL, _SET_CHANNEL))
    elif not workers and queued:
        found.append(Notice("error", _NO_WORKER, _START_WORKER, {"count": queued}, "/dashboard/workers"))
    found += [
        Notice(
            "error",
            _TRIPPED,
            _RESUME,
            {"name": each["name"], "why": each["tripped_reason"] or ""},
            f"/dashboard/channels/{each['name']}",
        )
        for each in channels
        if each["state"] == ChannelState.TRIPPED
    ]
    monitor = view.services.monitor
    if (error := await monitor.database_error.value()) is not None:
        found.append(Notice("error", _DATABASE, msgid("See its log, and: darkroom doctor"), {"why": error}))
    if (error := await monitor.storage_error.value()) is not None:
        found.append(Notice("error", _STORAGE, _STORAGE_FIX, {"why": error}))
    if (error := await monitor.broker_error.value()) is not None:
        found.append(Notice("warning", _BROKER, _BROKER_FIX, {"why": error}))
    async with view.services.database.reading() as connection:
        keyless = await list_keyless(connection, view.services.clock()) if queued else []
    found += [Notice("warning", _KEYLESS, _KEYLESS_FIX, {"name": each.name}) for each in keyless[:3]]
    return found
