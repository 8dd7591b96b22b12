"""``darkroom migrate --check`` changes nothing, and its exit code says whether an upgrade is due."""

from collections.abc import Callable
from pathlib import Path

import pytest

import migrations

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_an_upgrade_that_is_due_is_named_and_not_made(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    database = folder / "darkroom-data" / "darkroom.db"
    assert darkroom("migrate", "--check") == 1
    assert "There are no tables" in capsys.readouterr().out
    assert not database.exists()
    migrations.upgrade(f"sqlite+aiosqlite:///{database}", "0028")
    assert darkroom("migrate", "--check") == 1
    assert f"revision 0028; this version has {migrations.head()}" in capsys.readouterr().out
    assert darkroom("migrate") == 0
    assert darkroom("migrate", "--check") == 0
