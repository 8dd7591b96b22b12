"""The short form of ``make attack``: few inputs of each class, against a running `darkroom up`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.result import Result, table

ROOT = Path(__file__).parent.parent.parent
PATIENT = "10000"  # ms: other tests run beside this one


@pytest.mark.slow(reason="it starts a whole installation, and attacks it")
def test_no_class_of_attacks_gets_through() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.attack", "--short", "--stall", PATIENT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("| yes |") + done.stdout.count("| skipped |") == 10


def test_the_table_shows_what_was_not_held_below_it() -> None:
    results = [
        Result("one", 2000, memory=3.4, stall=7, baseline=5),
        Result("two", 1, ["it ended"], memory=400),
        Result("three", 0, skipped="it needs root"),
    ]
    assert table(results).splitlines()[2:] == [
        "| one | 2,000 | yes | +3 MB | 7 ms | 5 ms |",
        "| two | 1 | no | +400 MB | 0 ms | 0 ms |",
        "| three | 0 | skipped | – | – | – |",
        "",
        "two: it ended",
        "",
        "three: skipped, it needs root",
    ]
