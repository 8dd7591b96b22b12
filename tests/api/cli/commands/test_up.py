"""``darkroom up``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.commands.up import _first_key, _greet
from api.cli.key_admin import revoke_keys
from api.cli.local_database import read, settings_of, upgrade, write
from api.cli.options import Installation
from models.queries.api_keys import list_keys
from models.settings import load_settings

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_up_refuses_the_broker_of_a_fleet(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://127.0.0.1:1/0")
    assert darkroom("up") == 2
    assert "DARKROOM_BROKER_URL" in capsys.readouterr().err


def test_the_first_start_creates_an_admin_key_and_later_starts_do_not(folder: Path) -> None:
    settings = settings_of(Installation(data=folder))
    upgrade(settings)
    key = _first_key(settings)
    assert key is not None
    assert key.startswith("dk_")
    assert _first_key(settings) is None


def test_a_start_without_a_usable_key_gives_the_first_caller_another_one(folder: Path) -> None:
    settings = settings_of(Installation(data=folder))
    upgrade(settings)
    first = _first_key(settings)
    write(settings, lambda connection: revoke_keys(connection, "first"))
    second = _first_key(settings)
    assert second not in (None, first)
    assert len({key.caller_id for key in read(settings, list_keys)}) == 1


def test_keys_in_the_settings_replace_the_first_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_API_KEYS", "a-key-that-is-long-enough")
    assert _first_key(settings_of(Installation(data=folder))) is None


def test_the_greeting_shows_a_new_key_and_says_that_no_provider_is_configured(capsys: Printed) -> None:
    _greet(
        load_settings(public_url="http://127.0.0.1:4711"),
        "dk_1",
        "http://127.0.0.1:4711/dashboard/login?link=x",
    )
    printed = capsys.readouterr()
    assert "http://127.0.0.1:4711/docs" in printed.err
    assert "export DARKROOM_API_KEY=dk_1" in printed.err
    assert "http://127.0.0.1:4711/dashboard/login?link=x" in printed.err
    assert "DARKROOM_UPSTREAM_BASE_URL" in printed.err
    assert printed.out == ""
