"""Processes that start while the fleet is being upgraded to the next version."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import migrations
from api.cli.exit_codes import CommandFailed
from api.cli.local_database import require_tables, upgrade
from models.settings import Settings


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


def test_a_worker_that_starts_again_after_the_next_version_migrated_goes_on(settings: Settings) -> None:
    revision = leave_at(settings, 1)
    require_tables(settings)
    assert upgrade(settings) == revision


def test_a_database_of_a_later_version_is_refused_with_what_to_do(settings: Settings) -> None:
    leave_at(settings, 2)
    with pytest.raises(CommandFailed, match="install the version of Darkroom that migrated it"):
        require_tables(settings)


def test_a_database_of_an_earlier_version_is_refused_with_what_to_do(settings: Settings) -> None:
    leave_at(settings, -1)
    with pytest.raises(CommandFailed, match="run `darkroom migrate`"):
        require_tables(settings)
