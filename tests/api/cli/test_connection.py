"""Server URL and API key of client commands."""

import pytest

from api.cli.connection import load_client_settings, open_client
from api.cli.options import Connection
from models.errors import SettingsError


def test_options_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_URL", "http://environment:1/")
    assert load_client_settings(url=None).url == "http://environment:1"
    assert load_client_settings(url="http://option:2/").url == "http://option:2"


def test_without_settings_the_server_is_this_machine_s() -> None:
    with open_client(Connection()) as client:
        assert client.url == "http://127.0.0.1:8080"


def test_white_space_around_a_key_is_removed_and_an_empty_key_is_none() -> None:
    settings = load_client_settings(api_key=" dk_1\n")
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "dk_1"
    assert load_client_settings(api_key="  ").api_key is None


@pytest.mark.parametrize("key", ["two words", "schlüssel", "dk_\x00"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^DARKROOM_API_KEY: a key has no spaces") as refused:
        load_client_settings(api_key=key)
    assert key not in str(refused.value)


def test_each_wrong_setting_is_one_sentence() -> None:
    with pytest.raises(SettingsError) as refused:
        load_client_settings(url="localhost:8080", api_key="two words")
    assert [sentence.split(":")[0] for sentence in refused.value.faults] == [
        "DARKROOM_URL",
        "DARKROOM_API_KEY",
    ]
