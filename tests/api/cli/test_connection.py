"""Server URL, API key and exit codes of client commands."""

import pytest

from api.cli.connection import failure_of, open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import Connection
from darkroom_client import ApiError, ConnectionFailed, DarkroomError, InputError
from models.errors import SettingsError


def test_options_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_URL", "http://environment:1/")
    with open_client(Connection()) as client:
        assert client.configuration.base_url == "http://environment:1"
    with open_client(Connection(url="http://option:2/")) as client:
        assert client.configuration.base_url == "http://option:2"


def test_each_wrong_setting_is_one_sentence() -> None:
    with pytest.raises(SettingsError) as refused, open_client(Connection("localhost:8080", "two words")):
        pass
    assert [sentence.split(":")[0] for sentence in refused.value.faults] == [
        "DARKROOM_URL",
        "DARKROOM_API_KEY",
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionFailed("x"), Exit.UNREACHABLE),
        (InputError("images[0]", "x"), Exit.USAGE),
        (ApiError(404, "x"), Exit.NOT_FOUND),
        (ApiError(409, "x"), Exit.FAILED),
        (ApiError(429, "x"), Exit.FAILED),
        (ApiError(422, "x"), Exit.USAGE),
        (ApiError(502, "x"), Exit.UNREACHABLE),
        (DarkroomError("x"), Exit.FAILED),
    ],
)
def test_each_error_of_the_client_has_an_exit_code_and_keeps_its_message(
    error: DarkroomError, code: Exit
) -> None:
    with pytest.raises(CommandFailed) as failed, open_client(Connection()):
        raise error
    assert failed.value.code is code
    assert str(failed.value) == str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_request_says_how_to_create_a_key(status: int) -> None:
    failure = failure_of(ApiError(status, "No."))
    assert failure.code is Exit.DENIED
    assert "darkroom keys create" in str(failure)


def test_a_server_that_was_not_reached_is_said_to_be_configurable() -> None:
    assert "DARKROOM_URL" in str(failure_of(ConnectionFailed("Refused.", sent=False)))
