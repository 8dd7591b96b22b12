"""Fixtures of the command line's tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.cli.app import PRIVATE, run
from tests.api.cli.scripted_server import ScriptedServer


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; no setting of the machine applies."""
    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    before = os.umask(PRIVATE)
    yield tmp_path
    os.umask(before)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A scripted server; the command line is configured to call it."""
    with ScriptedServer() as scripted:
        monkeypatch.setenv("DARKROOM_URL", scripted.url)
        monkeypatch.setenv("DARKROOM_API_KEY", "dk_test")
        yield scripted


@pytest.fixture
def darkroom() -> Callable[..., int]:
    """The command line, in this process: returns its exit code."""
    return lambda *arguments: run(arguments)


@pytest.fixture
def migrated(darkroom: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """The current folder's default database, with its tables."""
    assert darkroom("migrate") == 0
    capsys.readouterr()
