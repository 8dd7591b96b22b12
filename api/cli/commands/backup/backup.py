"""``darkroom backup``: copy the database, and the files of the storage, into a folder."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import migrations
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import require_tables, settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now, rfc3339
from models.settings import Settings
from worker.backup.database_copy import copy_database
from worker.backup.file_copies import FileReport, copy_files
from worker.backup.manifest import MANIFEST, Manifest
from worker.services import build_store


def backup(
    folder: Path,
    *,
    database_only: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Copy the database, then the files of the storage, while the installation runs.

    Into the same folder again, only files that are new or have changed are copied. The copy holds prompts,
    pictures and hashes of keys; DARKROOM_SECRET_KEY and the settings are not part of it: keep them apart.

    Parameters
    ----------
    folder
        where the backup is written; it may hold an earlier one
    database_only
        leave out the files, which another tool copies
    """
    settings = settings_of(installation)
    require_tables(settings)
    folder = folder.expanduser().absolute()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise CommandFailed(Exit.USAGE, f"{folder} is not empty, and holds no backup; name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    created_at = rfc3339(now())
    revision = migrations.current(settings.sqlalchemy_url) or ""
    file, digest = copy_database(settings.database_url, folder, ca_file=settings.ca_file)
    report = FileReport() if database_only else asyncio.run(_copy_files(settings, folder))
    Manifest(
        created_at=created_at,
        version=version("darkroom"),
        revision=revision,
        database="sqlite" if settings.database_url.startswith("sqlite") else "postgresql",
        database_file=file.name,
        database_sha256=digest,
        files=report.files,
        bytes=report.bytes,
    ).write(folder)
    value = {
        "folder": str(folder),
        "revision": revision,
        "files": report.files,
        "bytes": report.bytes,
        "copied": report.copied,
        "removed": report.removed,
    }
    words = f"{report.files:,} files ({report.bytes:,} bytes), {report.copied:,} of them new"
    what = "The database" if database_only else f"The database and {words}"
    printer(json=output.json).record(
        value, f"{what}, are in {folder}.".replace("database, are", "database is")
    )
    return Exit.OK


async def _copy_files(settings: Settings, folder: Path) -> FileReport:
    return await copy_files(build_store(settings), folder)
