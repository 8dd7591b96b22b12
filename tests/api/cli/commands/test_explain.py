"""``darkroom explain``: captured answers as JSON lines or cards."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from tests.worker.upstream.cases import cases

Darkroom = Callable[..., int]

Printed = pytest.CaptureFixture[str]

IMAGE = "https://img.example.com/1.png"

GOOD = json.dumps({"id": "good", "status": 200, "body": f"![一只猫]({IMAGE})"}, ensure_ascii=False)

LIMITED = json.dumps({"id": 2, "status": 429, "headers": {"Retry-After": "7.5"}, "body": "slow down"})


def process(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from api.cli.app import main; sys.argv[0] = 'darkroom'; main()"
    command = [sys.executable, "-c", code, "explain", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)


@pytest.fixture
def answers(folder: Path) -> Path:
    """A file of two answers, empty lines, and a byte order mark."""
    path = folder / "answers.jsonl"
    path.write_text(f"\ufeff{GOOD}\n\n  \n{LIMITED}\n", encoding="utf-8")
    return path


def test_the_whole_corpus_is_explained_in_order() -> None:
    with as_file(files("worker.practice") / "cases" / "dialects.jsonl") as path:
        ended = process(str(path))
    documents = [json.loads(line) for line in ended.stdout.decode("ascii").splitlines()]
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert [document["id"] for document in documents] == [case.id for case in cases()]
    for document, case in zip(documents, cases(), strict=True):
        assert {name: document.get(name) for name in case.expected} == case.expected


def test_lines_are_read_from_files_or_a_pipe(answers: Path) -> None:
    from_file = process(str(answers))
    assert [json.loads(line)["id"] for line in from_file.stdout.splitlines()] == ["good", 2]
    piped = answers.read_bytes()
    assert process("-", given=piped).stdout == process(given=piped).stdout == from_file.stdout


def test_explaining_loads_neither_database_nor_queue() -> None:
    code = (
        "import sys; from api.cli.app import run; run(['explain']); "
        "print({'celery', 'sqlalchemy', 'aiohttp', 'httpx', 'fastapi'}.intersection(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], input=LIMITED.encode(), capture_output=True, timeout=60, check=True
    )
    assert ended.stdout.splitlines()[-1] == b"set()"


def test_an_invalid_line_gives_an_error_and_the_others_are_explained(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    lines = [GOOD, "{broken", "[1]", '{"status": "soon"}', '{"status": 200, "body": "\\ud800"}', LIMITED]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert darkroom("explain", "a.jsonl") == 2
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document.get("line") for document in documents] == [None, 2, 3, 4, None, None]
    errors = [document["error"] for document in documents if "line" in document]
    assert [error.partition(":")[0] for error in errors] == ["JSON", "answer", "status"]
    assert "write one object per line" in errors[0]
    assert documents[-1]["retry_after_s"] == 7.5


def test_with_several_files_an_error_names_its_file(
    darkroom: Darkroom, answers: Path, folder: Path, capsys: Printed
) -> None:
    (folder / "b.jsonl").write_text("{", encoding="utf-8")
    assert darkroom("explain", str(answers), "b.jsonl") == 2
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document.get("file") for document in documents] == [None, None, "b.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jsonl",), "There is no file missing.jsonl"),
        ((".",), "is a folder"),
        (("--json", "--card"), "not both"),
    ],
)
def test_invalid_arguments_fail_before_any_work(
    darkroom: Darkroom, capsys: Printed, arguments: tuple[str, ...], message: str
) -> None:
    assert darkroom("explain", *arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_without_input_the_usage_is_printed(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert darkroom("explain") == 2
    assert "darkroom explain answers.jsonl" in capsys.readouterr().err


def test_cards_can_be_printed_without_a_terminal(darkroom: Darkroom, answers: Path, capsys: Printed) -> None:
    assert darkroom("explain", "--card", str(answers)) == 0
    printed = capsys.readouterr().out
    assert "✔ success" in printed
    assert IMAGE in printed
    assert "↻ retry  rate_limited" in printed


def test_a_card_names_the_rule_that_decided(darkroom: Darkroom, answers: Path, capsys: Printed) -> None:
    assert darkroom("explain", "--card", str(answers)) == 0
    assert "decided by" in capsys.readouterr().out
