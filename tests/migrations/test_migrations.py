"""The revisions: up, down, up again, and nothing that the tables have and the revisions lack."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from migrations import current, downgrade, head, synchronous, upgrade
from models.tables import metadata
from tests.support.databases import sqlalchemy_url
from tests.support.postgres import PostgresAddress

JOB = "0" * 32
HASH = {"sqlite": "x'00'", "postgresql": "'\\x00'::bytea"}
MOMENT = "'2026-01-01 00:00:00'"
JOB_ROW = {
    **dict.fromkeys(("id", "caller_id"), f"'{JOB}'"),
    **dict.fromkeys(("surface", "status", "model", "prompt", "on_unknown"), "'x'"),
    **dict.fromkeys(("revision", "generation", "priority", "max_attempts"), "1"),
    **dict.fromkeys(("progress", "attempts_used", "store_tries"), "0"),
    **dict.fromkeys(("request", "tags", "metadata"), "'{}'"),
    **dict.fromkeys(("not_before", "created_at", "updated_at"), MOMENT),
    "backing_off": "false",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield sqlalchemy_url(f"sqlite:///{tmp_path}/folder/that/is/new/empty.db")
        return
    server: PostgresAddress = request.getfixturevalue("postgres")
    name = f"empty_{os.getpid()}"  # the server is shared by all processes of the test run
    server.execute(f"CREATE DATABASE {name}")
    yield sqlalchemy_url(server.url(name))
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(url: str) -> set[str]:
    engine = create_engine(synchronous(url))
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_they_make_all_tables_from_nothing_and_may_run_again(empty_url: str) -> None:
    upgrade(empty_url)
    upgrade(empty_url)

    assert current(empty_url) == head()
    assert tables(empty_url) == {*metadata.tables, "alembic_version"}


def test_they_can_be_taken_back_to_nothing_and_made_again(empty_url: str) -> None:
    upgrade(empty_url)
    downgrade(empty_url, "base")
    assert tables(empty_url) == {"alembic_version"}
    assert current(empty_url) is None

    upgrade(empty_url)
    assert current(empty_url) == head()


def _comparable(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """SQLAlchemy can't read an index on an expression back: the databases' own words are compared below."""
    return not (kind == "index" and name in ("ix_jobs_line", "ix_jobs_campaign_line"))


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index:Warning")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index:Warning")
def test_calls_written_down_before_keep_what_is_known_of_them_up_and_down(empty_url: str) -> None:
    upgrade(empty_url, "0001")
    engine = create_engine(synchronous(empty_url))
    columns = "job_id, number, generation, channel, worker_id, sent_at, billed"
    values = f"'{JOB}', 1, 1, 'main', '{JOB}', '2026-01-01 00:00:00', 'yes'"
    try:
        with engine.begin() as connection:
            caller = f"('{JOB}', 'c', {HASH[connection.dialect.name]}, '', false, '2026-01-01 00:00:00')"
            connection.exec_driver_sql(
                f"INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at) VALUES {caller}"
            )
            names, row = zip(*JOB_ROW.items(), strict=True)
            connection.exec_driver_sql(f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join(row)})")
            connection.exec_driver_sql(f"INSERT INTO attempts ({columns}) VALUES ({values})")
        upgrade(empty_url, "0002")
        with engine.connect() as connection:
            known = connection.exec_driver_sql("SELECT billed, handles, raw_key FROM attempts").one()
        assert tuple(known) == ("yes", None, None)
        downgrade(empty_url, "0001")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT billed FROM attempts").scalar() == "yes"
    finally:
        engine.dispose()


def test_assets_of_retried_jobs_get_the_generation_of_the_last_call_before_they_were_stored(
    empty_url: str,
) -> None:
    upgrade(empty_url, "0006")
    engine = create_engine(synchronous(empty_url))
    asset = "id, caller_id, job_id, position, token, key, sha256, content_type, extension, bytes, created_at"
    stored = {"1" * 32: "2026-01-01 00:30:00", "2" * 32: "2026-01-01 02:30:00"}
    try:
        with engine.begin() as connection:
            caller = f"('{JOB}', 'c', {HASH[connection.dialect.name]}, '', false, '2026-01-01 00:00:00')"
            connection.exec_driver_sql(
                f"INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at) VALUES {caller}"
            )
            names, row = zip(*{**JOB_ROW, "generation": "2"}.items(), strict=True)
            connection.exec_driver_sql(f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join(row)})")
            for generation, hour in ((1, 0), (2, 2)):
                connection.exec_driver_sql(
                    "INSERT INTO attempts (job_id, number, generation, channel, worker_id, sent_at, billed)"
                    f" VALUES ('{JOB}', {generation}, {generation}, 'main', '{JOB}',"
                    f" '2026-01-01 0{hour}:00:00', 'yes')"
                )
            for key, at in stored.items():
                connection.exec_driver_sql(
                    f"INSERT INTO assets ({asset}) VALUES ('{key}', '{JOB}', '{JOB}', 0, '{key}', 'k', 's',"
                    f" 'image/png', 'png', 9, '{at}')"
                )
        upgrade(empty_url, "0007")
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT generation FROM assets ORDER BY created_at").scalars()
            assert list(found) == [1, 2]
    finally:
        engine.dispose()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection:sqlalchemy.exc.SAWarning")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_they_say_the_same_as_the_tables_of_the_program(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(synchronous(empty_url))
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "include_object": _comparable}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


def _indexes(url: str) -> dict[str, str]:
    definitions = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    engine = create_engine(synchronous(url))
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(definitions[connection.dialect.name]).all()
    finally:
        engine.dispose()
    return {name: " ".join(written.split()) for name, written in found if "alembic_version" not in name}


def test_their_indexes_are_those_of_the_program_to_the_letter(empty_url: str) -> None:
    upgrade(empty_url)
    made = _indexes(empty_url)
    downgrade(empty_url, "base")
    engine = create_engine(synchronous(empty_url))
    metadata.create_all(engine)
    engine.dispose()
    assert made == _indexes(empty_url)
    assert "ix_jobs_line" in made
    assert empty_url.startswith("sqlite") or 'COLLATE "C"' in made["ix_jobs_campaign_line"]


def test_a_fresh_copy_is_at_the_newest_revision(database_url: str) -> None:
    assert current(database_url) == head()


def test_two_processes_may_migrate_at_once(empty_url: str) -> None:
    code = f"from migrations import upgrade; upgrade({empty_url!r})"
    racers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(3)
    ]
    words = [racer.communicate(timeout=60)[0].decode() for racer in racers]

    assert [racer.returncode for racer in racers] == [0, 0, 0], words
    assert current(empty_url) == head()
