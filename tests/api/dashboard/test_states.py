"""States of jobs: one closed list, with a word, a shape and a colour each, the same words everywhere."""

import json
import re
from pathlib import Path

import pytest

from api.cli.app import run
from api.dashboard.templates import STATES, environment
from models.states import JobStatus

ROOT = Path(__file__).parents[3]
NAMES = [status.value for status in JobStatus]


def test_each_state_has_a_word_a_shape_and_a_colour() -> None:
    shape = environment().get_template("icons.html").module.shape  # type: ignore[attr-defined]
    assert len({STATES[name] for name in NAMES}) == len({shape(name) for name in NAMES}) == len(NAMES)
    css = (ROOT / "api/dashboard/static/dashboard.css").read_text(encoding="utf-8")
    rules = re.findall(r"^ +(\.s-[^{]*)\{ color: var\(--(\w+)\); \}$", css, re.MULTILINE)
    coloured = [state for states, _ in rules for state in re.findall(r"\.s-(\w+)", states)]
    assert len(coloured) == len(set(coloured)), "one colour each"
    assert set(NAMES) <= set(coloured)


def test_api_documents_and_command_line_have_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    assert document["components"]["schemas"]["JobStatus"]["enum"] == NAMES
    states = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("## States")[2]
    assert [name for name in NAMES if name not in states] == []
    assert run(("jobs", "list", "--status", "nothing")) == 2
    assert ", ".join(NAMES) in " ".join(capsys.readouterr().err.split())
