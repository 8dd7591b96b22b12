"""The composition root opens the store that the settings name."""

from pathlib import Path

import pytest

from models.errors import SettingsError
from models.settings import Settings
from worker.services import build_store


async def test_a_relative_folder_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await build_store(Settings(storage_url="file:assets")).check()
    assert (tmp_path / "assets").is_dir()


def test_an_unknown_scheme_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="DARKROOM_STORAGE_URL"):
        build_store(Settings(storage_url="ftp://files.example/"))
