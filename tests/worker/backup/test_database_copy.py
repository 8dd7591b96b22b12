"""Copies of a database: what can go wrong is said in words, and no password is an argument."""

import gzip
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from worker.backup.database_copy import (
    CopyFailed,
    check_sqlite,
    copy_database,
    restore_database,
)


def test_a_sqlite_database_is_copied_while_another_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE a (b)")
        writer.execute("INSERT INTO a VALUES (1)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO a VALUES (2)")
        file, digest = copy_database(url, tmp_path)
        writer.execute("COMMIT")
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT b FROM a").fetchall() == [(1,)]
    assert copy_database(url, tmp_path)[1] != digest
    with pytest.raises(CopyFailed, match="exists; move it away first"):
        restore_database(url, file)
    restore_database(f"sqlite:///{tmp_path}/new/b.db", file)
    assert check_sqlite(f"sqlite:///{tmp_path}/new/b.db") == []
    with pytest.raises(CopyFailed, match="could not be copied"):
        copy_database(f"sqlite:///{tmp_path}/none.db", tmp_path)


def test_rows_whose_references_are_gone_are_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.executescript("CREATE TABLE a (b PRIMARY KEY); CREATE TABLE c (d REFERENCES a (b));")
        connection.execute("INSERT INTO c VALUES (1)")
    assert check_sqlite(f"sqlite:///{tmp_path}/a.db") == ["a row of c names a row of a that is gone"]


def test_programs_of_postgresql_get_the_password_by_a_variable_and_their_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://me:a%20word@db:5432/x?prepare_threshold=none&sslmode=require"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CopyFailed, match=r"pg_dump is not on the PATH; install .*postgresql-client"):
        copy_database(url, tmp_path)
    for program, script in {
        "pg_dump": 'echo "$PGPASSWORD $*"',
        "psql": "echo one; echo 'ERROR: no' >&2; echo 'DETAIL: a row' >&2; exit 1",
    }.items():
        path = tmp_path / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    file, _ = copy_database(url, tmp_path)
    written = gzip.decompress(file.read_bytes()).decode()
    assert written.startswith("a word --format=plain")
    assert written.rstrip().endswith("--dbname=postgresql://me@db:5432/x?sslmode=require")
    with pytest.raises(CopyFailed, match=r"psql failed: ERROR: no$"):
        restore_database(url, file)
