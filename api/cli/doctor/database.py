"""Check of the database: reachable, migrated, with keys and living workers, and its clock."""

import asyncio
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from api.cli.doctor.findings import Finding, fault, fine
from api.cli.exit_codes import CommandFailed
from api.cli.key_admin import has_key
from api.cli.local_database import revision_of, shown_database
from api.cli.secret_admin import SecretState, count_secrets
from models.clock import now
from models.credentials.encryption import cipher_of
from models.database import Database
from models.errors import DatabaseAway
from models.queries.assets import count_missing
from models.queries.database_state import READ_ONLY, READ_ONLY_FIX, is_read_only
from models.queries.database_time import database_time
from models.queries.workers import list_registrations, list_workers
from models.settings import Settings
from worker.maintenance.channel_registration import disagreements, missing_channels

_SKEW = timedelta(seconds=2)  #: clocks further apart start jobs early or late


async def check_database(settings: Settings) -> list[Finding]:
    """Check the tables first, then their content."""
    try:
        revision = await asyncio.to_thread(revision_of, settings)
    except CommandFailed as error:
        message, _, fix = str(error).rpartition(" Check ")
        return [fault("database", message, f"Start it, or check {fix}")]
    if revision != migrations.head() and not (revision and migrations.is_next(revision)):
        return [_outdated(settings, revision)]
    database = Database(settings.sqlalchemy_url, pool=1)
    try:
        async with database.reading() as connection:
            if await is_read_only(connection):
                return [fault("database", f"{shown_database(settings)} {READ_ONLY}.", READ_ONLY_FIX)]
            return [
                fine("database", f"{shown_database(settings)} is at revision {revision}"),
                await _keys(connection, settings),
                await _workers(connection, settings),
                *await _secrets(connection, settings),
                *await _files(connection),
                *await _disagreements(connection, settings),
                *([] if database.is_sqlite else [await _clock(connection)]),
            ]
    except (DatabaseAway, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        return [
            fault("database", f"{shown_database(settings)} fails: {reason}.", "See the database's own log.")
        ]
    finally:
        await database.close()


def _outdated(settings: Settings, revision: str | None) -> Finding:
    if revision is None and settings.embedded_broker:
        return fine("database", f"{shown_database(settings)} does not exist yet; `darkroom up` creates it")
    has = f"is at revision {revision}" if revision else "has no tables"
    newer = revision is not None and revision > migrations.head()
    return fault(
        "database",
        f"{shown_database(settings)} {has}; it needs {migrations.head()}.",
        "Install the version of Darkroom that migrated it." if newer else "Run darkroom migrate.",
    )


async def _keys(connection: AsyncConnection, settings: Settings) -> Finding:
    if settings.api_keys or settings.admin_keys or await has_key(connection):
        return fine("keys", "there is an API key")
    return fault(
        "keys", "There is no API key, so no client can call the API.", "Create one: darkroom keys create NAME"
    )


async def _workers(connection: AsyncConnection, settings: Settings) -> Finding:
    since = await database_time(connection) - timedelta(seconds=settings.worker_timeout)
    alive = [
        worker
        for worker in await list_workers(connection)
        if worker.heartbeat_at >= since and worker.stopping_at is None
    ]
    if alive:
        return fine("workers", f"{len(alive)} alive, {sum(worker.slots for worker in alive)} slots")
    start = "darkroom up" if settings.embedded_broker else "darkroom work"
    return fault("workers", "No worker is alive, so jobs will wait.", f"Start one: {start}")


async def _secrets(connection: AsyncConnection, settings: Settings) -> list[Finding]:
    """Find webhook secrets that can't be decrypted, or are not encrypted with the first key."""
    cipher = cipher_of(settings.secret_key)
    found = await count_secrets(connection, cipher)
    if unreadable := found[SecretState.UNREADABLE]:
        return [
            fault(
                "secrets",
                f"{unreadable} webhook secrets were encrypted with a key that is not in DARKROOM_SECRET_KEY; "
                "their webhooks wait.",
                "Set it to that key, or add that key after a comma.",
            )
        ]
    if not cipher.encrypts:
        return []
    if outdated := found[SecretState.CLEAR] + found[SecretState.FORMER]:
        return [
            fault(
                "secrets",
                f"{outdated} webhook secrets are not encrypted with the first key of DARKROOM_SECRET_KEY.",
                "Run darkroom keys encrypt.",
            )
        ]
    return [fine("secrets", f"{found[SecretState.CURRENT]} webhook secrets are encrypted in the database")]


async def _files(connection: AsyncConnection) -> list[Finding]:
    if not (count := await count_missing(connection)):
        return []
    return [
        fault(
            "images",
            f"{count:,} images of the database have no file in the storage.",
            "See which: darkroom storage check. Bring them back from a backup of the storage.",
        )
    ]


async def _disagreements(connection: AsyncConnection, settings: Settings) -> list[Finding]:
    """Find live workers whose settings of a channel differ."""
    since = await database_time(connection) - timedelta(seconds=settings.worker_timeout)
    found = await list_registrations(connection, since)
    return [
        fault(
            "workers",
            f"The workers disagree: {words}.",
            "Give all workers the same channels, and restart those that differ.",
        )
        for words in (*map(str, disagreements(found)), *missing_channels(found))
    ]


async def _clock(connection: AsyncConnection) -> Finding:
    before = now()
    theirs = await database_time(connection)
    return check_clock_skew(theirs - before - (now() - before) / 2)


def check_clock_skew(skew: timedelta) -> Finding:
    """Return whether the database's clock is close enough to this machine's."""
    seconds = abs(skew.total_seconds())
    if abs(skew) <= _SKEW:
        return fine("clock", f"the database's clock is {seconds:.1f} s from this machine's")
    direction = "ahead of" if skew > timedelta() else "behind"
    return fault(
        "clock",
        f"The database's clock is {seconds:.1f} s {direction} this machine's. "
        "Jobs go by the database's time; logs and signatures of other programs may not.",
        "Synchronize both machines by NTP.",
    )
