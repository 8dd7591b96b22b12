"""Settings and database of the installation that a command works on."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import migrations
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import create_key
from api.cli.local_database import (
    placed,
    read,
    require_tables,
    require_writes,
    revision_of,
    settings_of,
    upgrade,
    write,
)
from api.cli.options import Installation
from models.queries.dashboard.audit import list_entries
from models.settings import Settings, load_settings
from tests.support.databases import PostgresCopies


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = Settings(database_url=f"sqlite:///{tmp_path}/rolling.db")
    upgrade(given)
    return given


def leave_at(settings: Settings, ahead: int) -> str:
    """Let a version that is so many revisions newer have migrated the database."""
    revision = f"{int(migrations.head()) + ahead:04}"
    engine = create_engine(migrations.synchronous(settings.sqlalchemy_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
    return revision


def test_tables_of_the_next_version_are_accepted_and_stay_unchanged(settings: Settings) -> None:
    revision = leave_at(settings, 1)
    require_tables(settings)
    assert upgrade(settings) == revision


def test_tables_two_versions_ahead_are_refused_with_a_fix(settings: Settings) -> None:
    leave_at(settings, 2)
    with pytest.raises(CommandFailed, match="install the version of Darkroom that migrated it"):
        require_tables(settings)


def test_tables_of_an_earlier_version_are_refused_with_a_fix(settings: Settings) -> None:
    leave_at(settings, -1)
    with pytest.raises(CommandFailed, match="run `darkroom migrate`"):
        require_tables(settings)


def test_data_sets_the_database_and_storage_that_are_not_set_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_STORAGE_URL", "s3://bucket")
    settings = settings_of(Installation(data=Path("there")))
    assert settings.database_url == f"sqlite:///{folder}/there/darkroom.db"
    assert settings.storage_url == "s3://bucket"


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("box.example", "box.example")],
)
def test_the_public_url_names_the_actual_port(host: str, public: str) -> None:
    assert placed(load_settings(host=host), 4711).public_url == f"http://{public}:4711"


def test_a_public_url_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", "https://darkroom.example")
    assert placed(load_settings(), 4711).public_url == "https://darkroom.example"


def test_a_missing_sqlite_file_has_no_revision_and_is_not_created(tmp_path: Path) -> None:
    missing = Settings(database_url=f"sqlite:///{tmp_path}/missing.db")
    assert revision_of(missing) is None
    assert not (tmp_path / "missing.db").exists()


def test_an_error_of_the_database_shows_its_url_without_the_password() -> None:
    unreachable = Settings(database_url="postgresql://me:secret@127.0.0.1:1/nothing")
    with pytest.raises(CommandFailed, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/nothing") as refused:
        read(unreachable, lambda connection: asyncio.sleep(0))
    assert refused.value.code is Exit.UNREACHABLE
    assert "secret" not in str(refused.value)


def test_a_server_that_takes_no_writes_is_refused_with_a_fix(postgres_copies: PostgresCopies) -> None:
    with postgres_copies.fresh() as url:
        settings = Settings(database_url=url)
        require_writes(settings)
        postgres_copies.set(url, "default_transaction_read_only", "on")
        for refuse in (require_writes, upgrade):
            with pytest.raises(CommandFailed, match=r"takes no writes.*Name the primary"):
                refuse(settings)


def test_a_command_that_changes_something_is_in_the_audit_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/darkroom", "keys", "create", "Shop", "--role", "viewer"])
    made = write(settings, partial(create_key, name="Shop"))
    [entry] = read(settings, partial(list_entries, limit=5))
    assert (entry.action, entry.through, entry.role) == ("darkroom keys create", "command line", "admin")
    assert entry.by
    assert (entry.count, entry.after["name"]) == (1, "Shop")
    assert made.key not in str(entry._mapping)
    monkeypatch.setattr(sys, "argv", ["darkroom", "channels", "forget", "Relay 1"])
    write(settings, partial(list_entries, limit=1))
    last = read(settings, partial(list_entries, limit=1))[0]
    assert (last.action, last.target) == ("darkroom channels forget", "Relay 1")
