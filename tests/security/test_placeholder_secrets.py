"""Secrets that were never filled in: nothing starts with one, and it is not repeated."""

import os
from pathlib import Path

import pytest

from api.cli.app import run
from api.cli.exit_codes import Exit

PLACEHOLDERS = {  # what examples of earlier versions said, and what people write
    "DARKROOM_API_KEYS": ("put-a-long-random-key-here", "changeme-changeme-changeme", "0123456789abcdef"),
    "DARKROOM_ADMIN_KEYS": ("another-long-random-key", "aaaaaaaaaaaaaaaaaaaaaaaa", "short"),
    "DARKROOM_UPSTREAM_API_KEY": ("put-the-providers-key-here", "sk-...", "sk-xxxxxxxxxxxxxxxx", "sk-1"),
    "DARKROOM_SECRET_KEY": ("change-me", "your-secret-key", "q8Zr5tQm2Xc7Lp0V"),
    "DARKROOM_S3_SECRET_ACCESS_KEY": ("darkroom-secret", "minioadmin", "password"),
}


@pytest.mark.parametrize("command", ["up", "serve", "work"])
@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, values in PLACEHOLDERS.items() for value in values]
)
def test_nothing_starts_with_a_placeholder(
    command: str,
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    if command != "up":
        monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(variable, value)
    assert run([command]) == Exit.USAGE
    told = capsys.readouterr().err
    assert variable in told
    assert value not in told.replace(f"{variable}: the key has", "")
    assert list(tmp_path.iterdir()) == []
