"""Exit codes and messages of errors."""

import pytest

from api.cli.exit_codes import CommandFailed, Exit, explain
from models.errors import Conflict, DarkroomError, NotFound, SettingsError, StorageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandFailed(Exit.TIMEOUT, "x"), Exit.TIMEOUT),
        (SettingsError(["x"]), Exit.USAGE),
        (NotFound("x"), Exit.NOT_FOUND),
        (Conflict("x"), Exit.FAILED),
        (StorageError("x"), Exit.FAILED),
        (DarkroomError("x"), Exit.FAILED),
    ],
)
def test_each_error_has_an_exit_code_and_keeps_its_message(error: Exception, code: Exit) -> None:
    assert explain(error) == (code, "x")


def test_each_wrong_setting_has_its_own_line() -> None:
    assert explain(SettingsError(["one.", "two."])) == (Exit.USAGE, "one.\ntwo.")


def test_an_unexpected_error_is_one_line_with_its_place() -> None:
    try:
        raise ZeroDivisionError("first\nsecond")
    except ZeroDivisionError as error:
        code, message = explain(error)
    assert code is Exit.FAILED
    assert "ZeroDivisionError: first (" in message
    assert __file__ in message
    assert "\n" not in message
