"""``darkroom restore``: write a backup into an installation without tables."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import revision_of, settings_of, shown_database, upgrade, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now
from models.queries.channels import list_channels, pause
from models.settings import Settings
from worker.backup.database_copy import restore_database, sha256_of
from worker.backup.file_copies import FileReport, put_files
from worker.backup.manifest import Manifest
from worker.services import build_store

_REASON = "restored from a backup: jobs that it has as queued may have been called since"
_SHOWN = 20  # keys that are printed


def restore(
    folder: Path,
    *,
    database_only: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Write a backup into a database without tables, and its files into the storage; then upgrade the tables.

    All channels are paused: jobs that were queued when the backup was made may have been called, and
    charged, since then. Look at them, cancel what was made, and go on with `darkroom channels resume NAME`.

    Parameters
    ----------
    folder
        the folder of `darkroom backup`
    database_only
        leave the storage as it is
    resume
        do not pause the channels
    """
    settings = settings_of(installation)
    folder = folder.expanduser().absolute()
    manifest = _checked(settings, folder)
    report = FileReport() if database_only else asyncio.run(_put_files(settings, folder))
    restore_database(settings.database_url, folder / manifest.database_file, ca_file=settings.ca_file)
    revision = upgrade(settings)
    paused = [] if resume else write(settings, _pause_all)
    value = {
        "created_at": manifest.created_at,
        "revision": revision,
        "files": report.files,
        "copied": report.copied,
        "lost": report.gone,
        "damaged": report.damaged,
        "paused": paused,
    }
    printer(json=output.json).record(value, "\n".join(_words(settings, manifest, report, paused)))
    return Exit.FAILED if report.gone or report.damaged else Exit.OK


def _checked(settings: Settings, folder: Path) -> Manifest:
    """Return the manifest of a backup that fits this installation. Raises ``CommandFailed``."""
    try:
        manifest = Manifest.read(folder)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"{error}.") from error
    kind = "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"
    if manifest.database != kind:
        message = f"The backup is of {manifest.database}, and {shown_database(settings)} is of {kind}."
        raise CommandFailed(Exit.USAGE, message)
    if manifest.revision > migrations.head():
        message = f"The backup is at revision {manifest.revision}, and this version knows {migrations.head()}"
        raise CommandFailed(Exit.USAGE, f"{message}; install Darkroom {manifest.version}.")
    if revision_of(settings) is not None:
        message = f"{shown_database(settings)} has tables; restore into an empty one, or move its file away."
        raise CommandFailed(Exit.FAILED, message)
    copy = folder / manifest.database_file
    if not copy.is_file() or sha256_of(copy) != manifest.database_sha256:
        raise CommandFailed(Exit.FAILED, f"{copy} is missing or damaged: it is not what was written.")
    return manifest


async def _put_files(settings: Settings, folder: Path) -> FileReport:
    try:
        return await put_files(build_store(settings), folder)
    except ValueError as error:
        raise CommandFailed(Exit.FAILED, f"{error}.") from error


async def _pause_all(connection: AsyncConnection) -> list[str]:
    names = [row.name for row in await list_channels(connection)]
    for name in names:
        await pause(connection, name, _REASON, now())
    return names


def _words(settings: Settings, manifest: Manifest, report: FileReport, paused: list[str]) -> list[str]:
    lines = [
        f"{shown_database(settings)} is as it was at {manifest.created_at}; "
        f"{report.files:,} files, {report.copied:,} of them written."
    ]
    for what, keys in (("is not in the backup", report.gone), ("is damaged in the backup", report.damaged)):
        lines += [f"{key} {what}." for key in keys[:_SHOWN]]
        if len(keys) > _SHOWN:
            lines.append(f"So are {len(keys) - _SHOWN:,} others.")
    if paused:
        lines.append(f"Paused: {', '.join(paused)}. Go on with: darkroom channels resume NAME")
    return lines
