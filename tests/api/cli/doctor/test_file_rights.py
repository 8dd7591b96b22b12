"""Check of file rights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.doctor.file_rights import check_file_rights
from models.settings import load_settings

Problems = Callable[..., list[dict[str, Any]]]


@pytest.mark.usefixtures("migrated")
def test_what_darkroom_makes_is_private(problems: Problems, folder: Path) -> None:
    assert problems("files") == []
    made = [folder / "darkroom-data", *(folder / "darkroom-data").rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in made} == {"0o700", "0o600"}


@pytest.mark.usefixtures("migrated")
def test_an_open_data_folder_is_found_with_the_command_that_closes_it(
    problems: Problems, folder: Path
) -> None:
    (folder / "darkroom-data").chmod(0o755)
    (problem,) = problems("files")
    assert problem["fix"] == f"Run chmod -R go= '{folder / 'darkroom-data'}'"


def test_open_files_of_a_folder_that_is_not_darkroom_s_own_are_found_one_by_one(folder: Path) -> None:
    folder.chmod(0o755)
    for name in ("darkroom.db", "darkroom.db-wal", "darkroom.toml", "pictures"):
        (folder / name).touch(0o644)
        (folder / name).chmod(0o644)
    (folder / "darkroom.db-wal").chmod(0o600)
    settings = load_settings(database_url="sqlite:///darkroom.db", storage_url=(folder / "pictures").as_uri())
    found = [(finding.ok, finding.fix) for finding in check_file_rights(settings, None)]
    assert found == [
        (False, f"Run chmod go= '{folder / name}'") for name in ("darkroom.db", "darkroom.toml", "pictures")
    ]


def test_files_in_a_private_folder_are_no_problem(folder: Path) -> None:
    folder.chmod(0o700)
    (folder / "darkroom.toml").touch(0o644)
    settings = load_settings(database_url="sqlite:///darkroom.db")
    assert [finding.fix for finding in check_file_rights(settings, None) if not finding.ok] == []


def test_an_installation_without_files_of_its_own_has_no_rights_to_check(folder: Path) -> None:
    folder.chmod(0o700)
    settings = load_settings(database_url="postgresql://me@host/x", storage_url="s3://pictures")
    assert list(check_file_rights(settings, None)) == []
