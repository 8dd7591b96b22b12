"""``darkroom top`` as a command."""

from collections.abc import Callable

import pytest

from tests.api.cli.scripted_server import ScriptedServer


def test_the_command_names_a_wrong_interval(darkroom: Callable[..., int], server: ScriptedServer) -> None:
    assert darkroom("top", "--interval", "0.1") == 2


def test_without_a_terminal_it_says_so(
    darkroom: Callable[..., int], server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert darkroom("top") == 2
    assert "This needs a terminal" in capsys.readouterr().err
