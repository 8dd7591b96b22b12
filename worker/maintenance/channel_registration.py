"""Channel registration: what a worker knows of a channel, and where workers disagree about it."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.channels import ChannelSettings
from models.database import Database
from models.queries.channels import mark_configured
from models.queries.workers import Fingerprint, Registration, list_registrations

_log = structlog.get_logger()


class Disagreement(NamedTuple):
    """A member of a channel's settings in which live workers differ, with each one's value, newest last."""

    channel: str
    member: str
    values: Sequence[tuple[str, Any]]

    def __str__(self) -> str:
        *older, (newest, value) = self.values
        others = "; ".join(f"{worker} has {other}" for worker, other in older if other != value)
        rule = "each calls with its own" if self.member in _OWN else "this one is in force"
        newest_has = f"{newest}, which started last, has {self.member} {value} ({rule})"
        return f"channel {self.channel}: {newest_has}; {others}"


_OWN = ("base_url", "key")  # the others are in the channel's row, which the worker that starts last writes


def fingerprints_of(channels: Iterable[ChannelSettings]) -> dict[str, Fingerprint]:
    """Return the fingerprint of each channel that is enabled, by name."""
    return {channel.name: _fingerprint(channel) for channel in channels if channel.enabled}


def _fingerprint(channel: ChannelSettings) -> Fingerprint:
    key = hashlib.sha256(channel.api_key.get_secret_value().encode()).hexdigest()
    return {
        "base_url": str(channel.base_url),
        "key": f"sha256:{key[:12]}",
        "models": list(channel.models),
        "rpm": channel.rpm,
        "concurrency": channel.concurrency,
        "limits": channel.all_limits(),
        "order": channel.order,
        "weight": channel.weight,
    }


def known_channels(registrations: Iterable[Registration]) -> set[str] | None:
    """Return the channels that any of the workers knows; ``None`` if one of them does not say."""
    known: set[str] = set()
    for each in registrations:
        if each.channels is None:
            return None
        known.update(each.channels)
    return known


def disagreements(registrations: Iterable[Registration]) -> list[Disagreement]:
    """Return where workers that know the same channel have different settings of it."""
    by_start = sorted(registrations, key=lambda each: each.started_at)
    knowing = [(each.worker, each.channels) for each in by_start if each.channels]
    found = []
    for name in sorted({name for _, channels in knowing for name in channels}):
        given = [(worker, channels[name]) for worker, channels in knowing if name in channels]
        members = {member for _, fingerprint in given for member in fingerprint}
        for member in sorted(members):
            values = [(worker, fingerprint.get(member)) for worker, fingerprint in given]
            if any(value != values[-1][1] for _, value in values):
                found.append(Disagreement(name, member, values))
    return found


async def refresh_configured(connection: AsyncConnection, alive_since: datetime) -> list[Registration]:
    """Mark as configured what a live worker knows, and nothing else; return the live workers.

    While a worker of a version that does not say what it knows is alive, nothing is unmarked.
    """
    registrations = await list_registrations(connection, alive_since)
    if (known := known_channels(registrations)) is not None:
        await mark_configured(connection, known)
    return registrations


async def log_disagreements(database: Database, alive_since: datetime) -> None:
    """Log where the live workers, of which this is the newest, disagree about a channel."""
    async with database.reading() as connection:
        registrations = await list_registrations(connection, alive_since)
    for words in (*map(str, disagreements(registrations)), *missing_channels(registrations)):
        _log.warning(f"workers disagree: {words}")


def missing_channels(registrations: Sequence[Registration]) -> list[str]:
    """Return a sentence for each channel that some of the live workers do not know."""
    known = [(each.worker, each.channels) for each in registrations if each.channels is not None]
    sentences = []
    for name in sorted({name for _, channels in known for name in channels}):
        without = sorted(worker for worker, channels in known if name not in channels)
        if without:
            sentences.append(f"channel {name} is not in the settings of {', '.join(without)}")
    return sentences
