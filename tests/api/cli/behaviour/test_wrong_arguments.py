"""Wrong values of options, of every command, are refused in plain sentences."""

import io
from collections.abc import Callable, Iterator

import pytest
from cyclopts import App

from api.cli.app import build_app
from tests.api.behaviour.test_plain_messages import PYTHON
from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
PROCESSES = ("demo", "up", "serve", "work", "practice")  # they run until they are stopped
ODD = ("banana", "-1", "9" * 400, "[/x]", "\udcff")
SHARED = ("--url", "--key", "--config", "--data")  # tried with two commands only
WITH_SHARED = (("jobs", "eta"), ("keys", "list"))


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command."""
    names = [name for name in app if not name.startswith("-")]
    if not names or app.default_command is not None:
        yield path
    for name in names:
        yield from commands(app[name], (*path, name))


def invocations(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the command with each of its options and arguments set to each odd value."""
    app = build_app()
    for word in path:
        app = app[word]
    arguments = [each for each in app.assemble_argument_collection() if each.parse]
    for argument in arguments:
        name = next((name for name in argument.names if name.startswith("--")), None)
        others = ["x" for each in arguments if each.required and each is not argument]
        if argument.hint is bool or (path[0] in PROCESSES and argument.hint not in (int, float)):
            continue
        if name in SHARED and path not in WITH_SHARED:
            continue
        for value in ("banana", "1e400") if path[0] in PROCESSES else ODD:
            yield (*path, *others, f"{name}={value}" if name else value)


ALL = sorted(path for path in commands(build_app()) if path[0] != "migrate")  # it makes a database each time


def test_there_are_commands_to_try() -> None:
    assert len(ALL) > 30


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_wrong_values_are_refused_in_plain_sentences(
    server: ScriptedServer,
    darkroom: Darkroom,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    path: tuple[str, ...],
) -> None:
    for words in invocations(path):
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        code = darkroom(*words)
        shown = "".join(capfd.readouterr())
        assert "inside Darkroom" not in shown, (words, shown)
        assert not (found := PYTHON.search(shown)), (words, found, shown)
        assert code == 0 or shown.strip(), (words, code)
        assert len(shown) < 3000, (words, shown)
