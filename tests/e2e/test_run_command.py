"""``darkroom run`` and ``darkroom campaigns`` as people use them: on a server, and without one."""

import csv
import json
import os
import signal
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.api_client import KEY
from tests.support.embedded import EmbeddedDarkroom
from tests.support.fleet import COMMAND
from tests.support.practice import Practice
from tests.support.processes import Process
from worker.practice.drawing.png import prompt_of

CHANNEL = """[[channels]]
name = "practice"
base_url = "{url}"
api_key = "practice"
models = ["*"]
concurrency = 4
prices = {{ "*" = {{ per_call = 0.5, currency = "USD" }} }}
"""
_TIMEOUT = 60  # seconds
_WHOLE = 1_000_000  # characters: more than any output
pytestmark = pytest.mark.slow(reason="an installation is started for the tests of this file")


@pytest.fixture(scope="module")
def darkroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDarkroom]:
    """One installation for all tests of this file, whose calls cost 0.5 USD."""
    folder = tmp_path_factory.mktemp("darkroom")
    practice = Practice(folder, delay=0.05)
    practice.start()
    (folder / "darkroom.toml").write_text(CHANNEL.format(url=practice.url), encoding="utf-8")
    running = EmbeddedDarkroom(folder, practice)
    del running.variables["DARKROOM_UPSTREAM_BASE_URL"]  # the channel of the file takes its place
    running.start()
    yield running
    running.client.close()
    running.process.end()
    practice.process.end()


def start(darkroom: EmbeddedDarkroom, folder: Path, *words: str, **variables: str) -> Process:
    """Start a command as a user of the server."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    own |= {"DARKROOM_URL": darkroom.url, "DARKROOM_API_KEY": KEY, **variables}
    log = folder / f"command-{len(list(folder.glob('command-*.log')))}.log"
    process = Process([COMMAND, *words], log, environment=own, folder=folder)
    process.start()
    return process


def run(darkroom: EmbeddedDarkroom, folder: Path, *words: str, **variables: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    process = start(darkroom, folder, *words, **variables)
    return process.wait(within=_TIMEOUT), process.log_tail(_WHOLE)


def write_sheet(folder: Path, rows: Sequence[Sequence[str]], name: str = "sheet.csv") -> None:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def manifest(folder: Path) -> dict[str, dict[str, object]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len({(each["key"], each["variant"]) for each in records}) == len(records)
    return {f"{each['key']}{each['variant']}": each for each in records}


def test_all_are_made_and_the_same_command_pays_nothing_again(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    write_sheet(tmp_path, [["key", "thing"], *([f"k{n}", f"made {n}"] for n in range(6))])
    words = ("run", "sheet.csv", "-o", "out", "--name", "made", "-m", "practice", "--yes")
    words += ("--template", "a {thing}, {style}", "--matrix", "style=ink,oil", "--canary", "2")
    for _ in range(2):
        code, output = run(darkroom, tmp_path, *words)
        assert code == 0, output
        assert "12 of 12 made" in output
        records = manifest(tmp_path / "out")
        assert len(records) == 12
        for number in range(6):
            name = str(records[f"k{number}style=oil"]["file"])
            assert prompt_of((tmp_path / "out" / name).read_bytes()) == f"a made {number}, oil"
    counts = darkroom.practice.call_counts()
    assert {counts[f"a made {number}, {style}"] for number in range(6) for style in ("ink", "oil")} == {1}


def test_failures_and_wrong_rows_are_named_with_the_command_that_retries(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    rows = [
        ["key", "prompt"],
        ["a", "some a"],
        ["b", "some b [fail refusal once]"],
        ["a", "again"],
        ["c", ""],
    ]
    write_sheet(tmp_path, rows)
    code, output = run(darkroom, tmp_path, "run", "sheet.csv", "-o", "out", "--name", "some", "-m", "m", "-y")
    assert code == 1, output
    assert "line 4" in output
    assert "line 5" in output
    assert manifest(tmp_path / "out")["b"]["error"] == "refusal"
    [retry] = [line for line in output.splitlines() if line.startswith("To retry what failed: ")]
    write_sheet(tmp_path, rows[:3])
    again = retry.partition(": ")[2].split()[1:]
    code, output = run(darkroom, tmp_path, *again, "--yes")
    assert code == 0, output
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"a.png", "b.png"}


def test_exit_codes_tell_wrong_input_from_a_run_without_any_picture(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    write_sheet(tmp_path, [["prompt"], ["none [fail refusal]"], ["nothing [fail moderation]"]], "none.csv")
    code, output = run(darkroom, tmp_path, "run", "none.csv", "-o", "out", "-m", "m", "-y")
    assert code == 3, output
    for name, words in {
        "gone.csv": (),
        "none.csv": ("--budget", "0USD"),
        "none.ods": (),
        "template.csv": ("--template", "a {lost}"),
        "question.csv": (),
    }.items():
        if name != "gone.csv" and name != "none.csv":
            write_sheet(tmp_path, [["prompt" if name == "question.csv" else "x"], ["a"]], name)
        yes = () if name == "question.csv" else ("--yes",)
        code, output = run(darkroom, tmp_path, "run", name, "-o", "out2", "-m", "m", *words, *yes)
        assert code == 2, (name, output)
        assert "Traceback" not in output
        assert output.strip()


def test_a_run_stops_at_its_budget_and_goes_on_with_a_larger_one(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    write_sheet(tmp_path, [["key", "prompt"], *([f"k{n}", f"dear {n}"] for n in range(8))])
    words = ("run", "sheet.csv", "-o", "out", "--name", "dear", "-m", "m", "-y")
    code, output = run(darkroom, tmp_path, *words, "--budget", "2USD")
    assert code == 1, output
    assert "--budget" in output
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
    code, output = run(darkroom, tmp_path, *words, "--budget", "10USD")
    assert code == 0, output
    assert len(list((tmp_path / "out").glob("*.png"))) == 8
    counts = darkroom.practice.call_counts()
    assert {counts[f"dear {n}"] for n in range(8)} == {1}


def test_an_interrupt_detaches_and_the_same_command_goes_on(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    write_sheet(tmp_path, [["key", "prompt"], *([f"k{n}", f"long {n} [delay 1]"] for n in range(12))])
    words = ("run", "sheet.csv", "-o", "out", "--name", "long", "-m", "m", "-y")
    process = start(darkroom, tmp_path, *words)
    until = time.monotonic() + _TIMEOUT
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < until:
        time.sleep(0.1)
    process.send(signal.SIGINT)
    code, output = process.wait(within=_TIMEOUT), process.log_tail(_WHOLE)
    assert code == 130, output
    assert "Detached" in output
    assert "darkroom campaigns cancel long" in output
    code, output = run(darkroom, tmp_path, *words)
    assert code == 0, output
    assert len(list((tmp_path / "out").glob("*.png"))) == 12
    counts = darkroom.practice.call_counts()
    assert {count for prompt, count in counts.items() if prompt.startswith("long ")} == {1}


def test_it_runs_without_a_server_and_goes_on_after_it_was_killed(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    (tmp_path / "darkroom.toml").write_text(CHANNEL.format(url=darkroom.practice.url), encoding="utf-8")
    write_sheet(tmp_path, [["key", "prompt"], *([f"k{n}", f"alone {n} [delay 0.5]"] for n in range(10))])
    words = ("run", "sheet.csv", "-o", "out", "-m", "m", "-y", "--embedded")
    variables = {"DARKROOM_URL": "http://127.0.0.1:1", "DARKROOM_ALLOW_PRIVATE": "127.0.0.0/8"}
    process = start(darkroom, tmp_path, *words, **variables)
    until = time.monotonic() + _TIMEOUT
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    code, output = run(darkroom, tmp_path, *words, **variables, DARKROOM_ON_UNKNOWN="retry")
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert {f"k{n}.png" for n in range(10)} - names == {
        f"{each['key']}.png" for each in manifest(tmp_path / "out").values() if each["file"] is None
    }, output
    assert code in (0, 1), output  # a call that was under way may be held: it may have been charged
    assert len(names) >= 6


def test_verdicts_and_an_export_by_the_command_line(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    write_sheet(tmp_path, [["key", "prompt"], *([f"k{n}", f"export {n}"] for n in range(3))])
    run(darkroom, tmp_path, "run", "sheet.csv", "-o", "out", "--name", "shown", "-m", "m", "-y")
    assert run(darkroom, tmp_path, "campaigns", "review", "shown", "--pick", "k1")[0] == 0
    code, output = run(darkroom, tmp_path, "campaigns", "export", "shown", "--where", "verdict=pick")
    assert code == 0, output
    with zipfile.ZipFile(tmp_path / "shown.zip") as archive:
        assert [name for name in archive.namelist() if name.endswith(".png")] == ["k1/1.png"]
    code, output = run(darkroom, tmp_path, "campaigns", "show", "shown")
    assert json.loads(output)["items"]["by_status"]["approved"] == 1
