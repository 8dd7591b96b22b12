"""The command line as a whole: help, version and unknown arguments."""

import subprocess
import sys
from collections.abc import Callable

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_help_imports_no_slow_package() -> None:
    code = (
        "import sys; from api.cli.app import run; run(['--help']); "
        "slow = {'sqlalchemy', 'celery', 'httpx', 'fastapi', 'pydantic'}; "
        "sys.exit(','.join(slow & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "demo" in ran.stdout


def test_the_version_is_printed(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("--version") == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("arguments", [["nonsense"], ["jobs", "list", "--limit", "0"], ["jobs", "show"]])
def test_wrong_arguments_end_with_the_usage_code(darkroom: Darkroom, arguments: list[str]) -> None:
    assert darkroom(*arguments) == 2


@pytest.mark.parametrize(
    "command", [("submit",), ("jobs", "list"), ("webhooks", "create"), ("keys", "create"), ("serve",)]
)
def test_the_help_shows_no_default_in_the_words_of_python(
    darkroom: Callable[..., int], capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert darkroom(*command, "--help") == 0
    shown = capsys.readouterr().out
    assert not any(words in shown for words in ("None", "()", "[]", "False", "Optional", "[default: ]"))


def test_the_help_of_a_command_is_its_whole_docstring_in_whole_lines(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert darkroom("practice", "--help") == 0
    shown = capsys.readouterr().out
    assert "Hints in a prompt control one call" in shown
    assert "is refused: HTTP 400" in shown
    text = shown.partition("╭")[0].rpartition("Hints")[2].rstrip().splitlines()
    assert all(len(line.rstrip()) > 60 for line in text[:-1])
    assert darkroom("--help") == 0
    assert "Hints" not in capsys.readouterr().out
