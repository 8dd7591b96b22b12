"""``darkroom demo``: its settings and its key."""

from pathlib import Path

import pytest

from api.cli.commands.demo import _fresh_key, _settings
from api.cli.local_database import read, upgrade
from models.queries.api_keys import list_keys


def test_the_demo_uses_none_of_the_user_s_channels_and_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://charged.example/v1")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "put-the-providers-key-here")
    monkeypatch.setenv("DARKROOM_API_KEYS", "put-a-long-random-key-here")
    settings = _settings(folder, "127.0.0.1", 4711, "http://127.0.0.1:1")
    assert [str(channel.base_url) for channel in settings.all_channels()] == ["http://127.0.0.1:1/"]
    assert settings.api_keys == ()


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("box.example", "box.example")])
def test_the_public_url_of_the_demo_can_be_opened_on_this_machine(
    folder: Path, host: str, shown: str
) -> None:
    assert _settings(folder, host, 4711, "http://127.0.0.1:1").public_url == f"http://{shown}:4711"


def test_a_new_demo_revokes_the_key_of_the_last_one(folder: Path) -> None:
    settings = _settings(folder, "127.0.0.1", 4711, "http://127.0.0.1:1")
    upgrade(settings)
    assert _fresh_key(settings) != _fresh_key(settings)
    keys = read(settings, list_keys)
    assert sorted(key.revoked_at is None for key in keys) == [False, True]
