"""Errors of storage backends, explained with their fix."""

import errno
import re

import pytest
from obstore.exceptions import GenericError

from models.errors import StorageError
from models.settings import Settings
from worker.storage.store_errors import CODES, EXPLANATIONS, describe_error, translating_errors


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        GenericError(
            "Generic LocalFileSystem error: No space left on device (os error 28)\n\nDebug source: …"
        ),
    ],
)
def test_a_full_disk_is_called_a_full_disk(error: Exception) -> None:
    assert describe_error(error).startswith("the disk is full; free some space")


def test_an_error_without_plain_words_keeps_its_first_line() -> None:
    assert describe_error(GenericError("Something else\n\nDebug source: many lines")) == "Something else"


@pytest.mark.parametrize(("pattern", "explanation"), EXPLANATIONS)
def test_every_pattern_is_found_before_a_more_general_one(pattern: str, explanation: str) -> None:
    assert describe_error(ValueError(f"before {pattern} after")) == explanation


@pytest.mark.parametrize(("code", "explanation"), CODES.items())
def test_the_code_of_an_error_document_outranks_its_status(code: str, explanation: str) -> None:
    answer = f"status code: 403 Forbidden: <Error><Code>{code}</Code></Error>"
    assert describe_error(GenericError(answer)) == explanation


def test_an_unknown_code_is_named() -> None:
    answer = "status code: 400 Bad Request: <Error><Code>Oddity</Code></Error>"
    assert describe_error(GenericError(answer)) == "it answered with the code Oddity"


@pytest.mark.parametrize("words", [*CODES.values(), *dict(EXPLANATIONS).values()])
def test_settings_are_named_as_darkroom_has_them(words: str) -> None:
    assert "AWS_" not in words
    for name in re.findall(r"DARKROOM_\w+", words):
        assert name.removeprefix("DARKROOM_").lower() in Settings.model_fields


def test_a_backend_error_names_the_action_and_the_place() -> None:
    words = r"Could not write a.png in the folder /x: permission denied"
    with pytest.raises(StorageError, match=words), translating_errors("write a.png", "the folder /x"):
        raise PermissionError(errno.EACCES, "denied")
