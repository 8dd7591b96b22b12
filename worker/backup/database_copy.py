"""Copy of the database: SQLite's online backup, or PostgreSQL's ``pg_dump`` and ``psql``.

Both copy one moment while the installation runs. The password of a database never is an argument of a
command, which other users of the machine could read.
"""

import gzip
import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

from models.addresses.database import libpq_address
from models.errors import DarkroomError

SQLITE, POSTGRES = "database.sqlite", "database.sql.gz"  #: names of the copies
_PAGES = 2_000  # of 4 KiB between two chances of writers
_CHUNK = 1 << 20


class CopyFailed(DarkroomError):
    """A database could not be copied or restored; the message says why."""


def copy_database(url: str, folder: Path, *, ca_file: str | None = None) -> tuple[Path, str]:
    """Copy a database into a folder; return the file and its SHA-256. Raises ``CopyFailed``.

    ``url`` as in the settings.
    """
    if url.startswith("sqlite"):
        target = folder / SQLITE
        _copy_sqlite(sqlite_path(url), target)
    else:
        target = folder / POSTGRES
        _dump(url, target, ca_file)
    return target, sha256_of(target)


def restore_database(url: str, source: Path, *, ca_file: str | None = None) -> None:
    """Write a copy into a database that has no tables. Raises ``CopyFailed``."""
    if url.startswith("sqlite"):
        path = sqlite_path(url)
        if path.exists():
            raise CopyFailed(f"{path} exists; move it away first")
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f"{path.name}.restored")
        shutil.copyfile(source, staged)
        staged.replace(path)
        return
    arguments = ["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"]
    with gzip.open(source) as content:
        _run("psql", arguments, url, ca_file, feed=content)


def check_sqlite(url: str) -> list[str]:
    """Return what SQLite finds wrong with a database: damaged pages, and rows whose references are gone."""
    with closing(sqlite3.connect(f"file:{sqlite_path(url)}?mode=ro", uri=True)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
        return found + [
            f"a row of {table} names a row of {other} that is gone" for table, _, other, _ in broken
        ]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sqlite_path(url: str) -> Path:
    """Return the file of a SQLite URL."""
    return Path(url.partition(":///")[2].partition("?")[0])


def _copy_sqlite(path: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, pages=_PAGES, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise CopyFailed(f"{path} could not be copied: {error}") from error


def _dump(url: str, target: Path, ca_file: str | None) -> None:
    with gzip.open(target, "wb", compresslevel=3) as packed:
        _run("pg_dump", ["--format=plain", "--no-owner", "--no-privileges"], url, ca_file, into=packed)


def _run(
    program: str,
    arguments: list[str],
    url: str,
    ca_file: str | None,
    *,
    feed: IO[bytes] | gzip.GzipFile | None = None,
    into: gzip.GzipFile | None = None,
) -> None:
    """Run one of PostgreSQL's programs, with ``feed`` as its input, or its output written ``into`` a file."""
    found = shutil.which(program)
    if found is None:
        raise CopyFailed(
            f"{program} is not on the PATH; install PostgreSQL's client programs, of the server's version "
            "or a newer one (Debian: postgresql-client)"
        )
    address, variables = libpq_address(url)
    with subprocess.Popen(
        [found, *arguments, f"--dbname={address}"],
        stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
        stdout=subprocess.PIPE if into is not None else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(variables, ca_file),
    ) as process:
        try:
            if into is not None and process.stdout is not None:
                shutil.copyfileobj(process.stdout, into, _CHUNK)
            if feed is not None and process.stdin is not None:
                shutil.copyfileobj(feed, process.stdin, _CHUNK)
                process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended; its words say why
        words = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if process.returncode != 0:
        lines = [line for line in words.strip().splitlines() if not line.startswith("DETAIL")]
        raise CopyFailed(f"{program} failed: {'; '.join(lines[:3]) or process.returncode}")


def _environment(variables: Mapping[str, str], ca_file: str | None) -> dict[str, str]:
    more = {} if ca_file is None else {"PGSSLROOTCERT": ca_file}
    return {**os.environ, **more, **variables}
