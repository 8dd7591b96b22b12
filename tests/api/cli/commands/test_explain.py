"""``darkroom explain``: answers as lines or as cards."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.cli.render.explanation import card
from tests.worker.upstream.cases import cases
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mM4IScHAAK2AQUKW6YGAAAAAElFTkSuQmCC"
PICTURE = "https://img.example.com/1.png"
GOOD = json.dumps({"id": "good", "status": 200, "body": f"![一只猫]({PICTURE})"}, ensure_ascii=False)
LIMITED = json.dumps({"id": 2, "status": 429, "headers": {"Retry-After": "7.5"}, "body": "slow down"})


def process(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from api.cli.app import main; sys.argv[0] = 'darkroom'; main()"
    command = [sys.executable, "-c", code, "explain", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)


def drawn(width: int = 80, **members: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(card(explain(observation_of(members))))
    return out.getvalue()


@pytest.fixture
def answers(folder: Path) -> Path:
    """A file of two answers, an empty line, and a mark at its start."""
    path = folder / "answers.jsonl"
    path.write_text(f"\ufeff{GOOD}\n\n  \n{LIMITED}\n", encoding="utf-8")
    return path


def test_the_whole_corpus_is_explained_in_its_order_by_a_process() -> None:
    with as_file(files("worker.practice") / "cases" / "dialects.jsonl") as path:
        ended = process(str(path))
    documents = [json.loads(line) for line in ended.stdout.decode("ascii").splitlines()]
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert [document["id"] for document in documents] == [case.id for case in cases()]
    for document, case in zip(documents, cases(), strict=True):
        assert {name: document.get(name) for name in case.expected} == case.expected


def test_lines_come_from_files_or_from_a_pipe(answers: Path) -> None:
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


def test_a_broken_line_says_what_is_wrong_and_the_others_are_explained(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    lines = [GOOD, "{broken", "[1]", '{"status": "soon"}', '{"status": 200, "body": "\\ud800"}', LIMITED]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert darkroom("explain", "a.jsonl") == 2
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document.get("line") for document in documents] == [None, 2, 3, 4, None, None]
    faults = [document["error"] for document in documents if "line" in document]
    assert [error.partition(":")[0] for error in faults] == ["JSON", "answer", "status"]
    assert "write one object per line" in faults[0]
    assert documents[-1]["retry_after_s"] == 7.5


def test_with_several_files_a_fault_names_its_file(
    darkroom: Darkroom, answers: Path, folder: Path, capsys: Printed
) -> None:
    (folder / "b.jsonl").write_text("{", encoding="utf-8")
    assert darkroom("explain", str(answers), "b.jsonl") == 2
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [document.get("file") for document in documents] == [None, None, "b.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.jsonl",), "There is no file missing.jsonl"),
        ((".",), "is a folder"),
        (("--json", "--card"), "not both"),
    ],
)
def test_what_can_not_be_read_is_said_before_any_work(
    darkroom: Darkroom, capsys: Printed, arguments: tuple[str, ...], said: str
) -> None:
    assert darkroom("explain", *arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_without_a_file_and_without_a_pipe_it_says_how_to_use_it(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert darkroom("explain") == 2
    assert "darkroom explain answers.jsonl" in capsys.readouterr().err


def test_cards_can_be_had_without_a_terminal(darkroom: Darkroom, answers: Path, capsys: Printed) -> None:
    assert darkroom("explain", "--card", str(answers)) == 0
    printed = capsys.readouterr().out
    assert "✔ success" in printed
    assert PICTURE in printed
    assert "↻ retry  rate_limited" in printed


def test_a_card_says_what_follows_for_the_job_and_for_the_money() -> None:
    shown = " ".join(drawn(id="a", status=429, headers={"retry-after": "7.5"}, body="slow down").split())
    for part in (
        "a · HTTP 429",
        "sent again when the channel may call again, and loses no attempt",
        "money not charged",
        "wait 7.5 s",
        "it said slow down",
    ):
        assert part in shown


def test_a_card_says_what_is_worth_only_one_more_call() -> None:
    error = {"code": "invalid_image_url", "message": "Timeout while downloading the image"}
    shown = drawn(status=400, body={"error": error})
    assert "input_image_unreachable" in shown
    assert "it is sent once more; then it fails" in shown


def test_a_card_names_the_way_to_a_lost_picture() -> None:
    task = "> ID: `task_7`\n>[原始数据](https://pro.asyncdata.net/source/task_7)\n>进度 14..38..\n"
    body = "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": task}}]}) + "\n\n"
    shown = drawn(status=200, headers={"x-request-id": "req_1"}, body=body, transport="reset")
    for part in ("? ambiguous", "task_7", "https://pro.asyncdata.net/source/task_7", "14 → 38 %", "req_1"):
        assert part in shown


def test_a_card_shows_limits_as_people_say_them() -> None:
    names = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    shown = drawn(status=200, headers=dict(zip(names, ("1000", "942", "3h"), strict=True)))
    assert "≡ headers only" in shown
    assert "942 of 1,000 left, full again in 3 h" in shown


def test_a_card_tells_the_limit_that_words_name() -> None:
    shown = drawn(status=429, body={"error": {"message": "5分钟内最多请求10次"}})
    assert "10 calls in 5 min, by its own words" in shown


def test_a_card_shows_a_picture_inside_the_answer_by_its_kind_and_size() -> None:
    shown = drawn(
        status=200, body={"choices": [{"message": {"content": f"![a](data:image/png;base64,{PNG})"}}]}
    )
    assert "inside the answer: image/png, 69 bytes" in shown
    assert PNG[:40] not in shown


@pytest.mark.parametrize("width", [40, 80])
def test_no_card_is_wider_than_the_terminal(width: int) -> None:
    for case in cases()[::3]:
        row = json.loads(case.line)
        assert all(len(line) <= width for line in drawn(width, **row).splitlines())


def test_what_others_wrote_can_not_play_with_the_terminal() -> None:
    shown = drawn(id="\x1b[2J", status=400, body={"error": {"message": "[red]\x1b]0;x\x07[/] \ud800"}})
    assert "\x1b" not in shown
    assert "[red]" in shown
