"""Settings of a client."""

import pytest

from darkroom_client import ConfigurationError
from darkroom_client.configuration import load_configuration


def test_arguments_take_precedence_over_the_environment() -> None:
    environment = {"DARKROOM_URL": "http://environment:1/", "DARKROOM_API_KEY": "dk_e", "DARKROOM_MODEL": "e"}
    found = load_configuration(environment=environment)
    assert (found.base_url, found.api_key, found.model) == ("http://environment:1", "dk_e", "e")
    found = load_configuration(
        base_url="http://argument:2/", api_key="dk_a", model="a", environment=environment
    )
    assert (found.base_url, found.api_key, found.model) == ("http://argument:2", "dk_a", "a")


def test_without_settings_the_server_is_this_machine_s() -> None:
    assert load_configuration(environment={}).base_url == "http://127.0.0.1:8080"


def test_white_space_around_a_key_is_removed_and_an_empty_key_is_none() -> None:
    assert load_configuration(api_key=" dk_1\n", environment={}).api_key == "dk_1"
    assert load_configuration(api_key="  ", environment={}).api_key is None


@pytest.mark.parametrize("key", ["two words", "schlüssel", "dk_\x00"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^DARKROOM_API_KEY: a key has no spaces") as refused:
        load_configuration(api_key=key, environment={})
    assert key not in str(refused.value)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x", "http://", "http://[", "http://x:0"])
def test_a_url_that_is_not_whole_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^DARKROOM_URL: write the whole URL"):
        load_configuration(base_url=url, environment={})


def test_the_key_is_not_printed_with_the_settings() -> None:
    assert "dk_secret" not in repr(load_configuration(api_key="dk_secret", environment={}))
