"""The installation that a command of the operator is about: its settings and its database."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from getpass import getuser
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from api.access.audit import end_audit, start_command, write_audit
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import Installation
from models.addresses.certificates import trust_bundle
from models.addresses.database import shown_url
from models.database import Database
from models.errors import DatabaseAway
from models.queries.database_state import READ_ONLY, READ_ONLY_FIX, is_read_only
from models.settings import Settings, load_settings

Result = TypeVar("Result")


def settings_of(installation: Installation, **overrides: Any) -> Settings:
    """Read the settings; ``--data`` sets the folder of database and images unless they are set."""
    settings = load_settings(installation.config, **overrides)
    if settings.ca_bundle is not None:
        trust_bundle(settings.ca_bundle)
    if installation.data is None:
        return settings
    folder = installation.data.expanduser().absolute()
    places = {
        "database_url": f"sqlite:///{folder / 'darkroom.db'}",
        "storage_url": (folder / "pictures").as_uri(),
    }
    chosen = {name: place for name, place in places.items() if name not in settings.model_fields_set}
    return load_settings(installation.config, **overrides, **chosen)


def placed(settings: Settings, port: int) -> Settings:
    """Return the settings with the actual port, and a public URL with it unless one is set."""
    changes: dict[str, object] = {"port": port}
    if "public_url" not in settings.model_fields_set:
        changes["public_url"] = f"http://{reachable(settings.host)}:{port}"
    return settings.model_copy(update=changes)


def reachable(host: str) -> str:
    """Return a host that programs on this machine can reach, instead of a wildcard address."""
    if host in ("0.0.0.0", "", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def read(settings: Settings, query: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a query on the installation's database."""
    return _run(settings, query, writing=False)


def write(settings: Settings, act: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a change of the installation's database, in one transaction."""
    return _run(settings, act, writing=True)


def _run(settings: Settings, act: Callable[[AsyncConnection], Awaitable[Result]], *, writing: bool) -> Result:
    require_tables(settings)
    return _run_on_any(settings, act, writing=writing)


def _run_on_any(
    settings: Settings, act: Callable[[AsyncConnection], Awaitable[Result]], *, writing: bool
) -> Result:
    """Run a query, whatever tables the database has."""

    async def run() -> Result:
        database = Database(settings.sqlalchemy_url, pool=1)
        try:
            if not writing:
                async with database.reading() as connection:
                    return await act(connection)
            start_command(*named_command(sys.argv))
            async with database.writing() as connection:
                result = await act(connection)
                await write_audit(connection)
                return result
        finally:
            end_audit()
            await database.close()

    try:
        return asyncio.run(run())
    except (DatabaseAway, SQLAlchemyError) as error:
        raise unreachable_database(settings, error) from error


def named_command(words: Sequence[str]) -> tuple[str, str, str]:
    """Return a command without its options, who runs it, and what it names first; never a secret."""
    verbs = list(takewhile(lambda word: re.fullmatch("[a-z][a-z-]*", word), words[1:3]))
    rest = words[1 + len(verbs) :]
    target = rest[0] if rest and not rest[0].startswith("-") else ""
    try:
        by = getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        by = f"user {os.getuid()}"
    return " ".join(["darkroom", *verbs]), by, target[:200]


def require_tables(settings: Settings) -> None:
    """Refuse a database that is missing, unreachable or neither at this revision nor at the next."""
    revision = revision_of(settings)
    if revision is None:
        raise CommandFailed(
            Exit.USAGE,
            f"{shown_database(settings)} has no tables yet; run `darkroom migrate` "
            "(`darkroom up` does it by itself), or name the folder of another installation with --data.",
        )
    if revision != (newest := migrations.head()) and not migrations.is_next(revision):
        raise CommandFailed(
            Exit.USAGE,
            f"{shown_database(settings)} is at revision {revision}, and this version needs {newest}; "
            + (
                "install the version of Darkroom that migrated it."
                if revision > newest
                else "run `darkroom migrate`."
            ),
        )


def require_writes(settings: Settings) -> None:
    """Refuse a server that takes no writes, such as a standby."""
    if _run_on_any(settings, is_read_only, writing=False):
        raise CommandFailed(
            Exit.UNREACHABLE, f"{shown_database(settings)} {READ_ONLY}. {READ_ONLY_FIX}"
        ) from DatabaseAway(READ_ONLY)


def revision_of(settings: Settings) -> str | None:
    """Return the database's revision; ``None`` without tables. Never creates a SQLite file."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        return None
    try:
        return migrations.current(settings.sqlalchemy_url)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable_database(settings, error) from error


def upgrade(settings: Settings) -> str:
    """Upgrade the tables and return the revision; tables of the next version stay unchanged."""
    if (revision := revision_of(settings)) is not None and migrations.is_next(revision):
        return revision
    if not settings.sqlalchemy_url.startswith("sqlite"):
        require_writes(settings)
    try:
        migrations.upgrade(settings.sqlalchemy_url)
    except (SQLAlchemyError, OSError) as error:
        raise unreachable_database(settings, error) from error
    return migrations.head()


def shown_database(settings: Settings) -> str:
    """Return the database URL without its password."""
    return f"The database {shown_url(settings.database_url)}"


def unreachable_database(settings: Settings, error: Exception) -> CommandFailed:
    """Return an error that says why the database can't be used."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    return CommandFailed(
        Exit.UNREACHABLE,
        f"{shown_database(settings)} can't be used: {cause[0].rstrip('.')}. Check DARKROOM_DATABASE_URL.",
    )
