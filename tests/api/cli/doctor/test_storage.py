"""Check of the object store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Problems = Callable[..., list[dict[str, Any]]]


def test_a_folder_that_is_not_writable_is_found(
    problems: Problems, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("DARKROOM_STORAGE_URL", (folder / "file" / "pictures").as_uri())
    assert "DARKROOM_STORAGE_URL" in problems("storage")[0]["fix"]
