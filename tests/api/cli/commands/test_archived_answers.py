"""``darkroom jobs explain``: the archived answers of a job."""

import json
from collections.abc import Callable

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]
EXPLANATION = {
    "outcome": "no_image",
    "error_code": "no_image",
    "images": [],
    "progress": [],
    "billed": "yes",
    "message": "The answer has no image.",
}


def answered(server: ScriptedServer, *answers: object) -> None:
    server.respond("GET /v1/jobs/job_01h455vb4pex/answers", {"data": answers})


def test_each_answer_is_explained(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(server, {"attempt": 2, "explanation": EXPLANATION, "fault": None})
    assert darkroom("jobs", "explain", "job_01h455vb4pex") == 0
    assert json.loads(capsys.readouterr().out) == EXPLANATION
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert darkroom("jobs", "explain", "job_01h455vb4pex") == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("attempt 2", "The answer has no image.", "charged"))


def test_an_answer_that_was_not_kept_is_said_to_be_missing(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    answered(server, {"attempt": 1, "explanation": None, "fault": "Its answer was not kept."})
    assert darkroom("jobs", "explain", "job_01h455vb4pex") == 4
    assert "Attempt 1: Its answer was not kept." in capsys.readouterr().err


def test_a_job_without_a_call_has_no_answer(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    answered(server)
    assert darkroom("jobs", "explain", "job_01h455vb4pex") == 4
    assert "no call" in capsys.readouterr().err
    assert darkroom("jobs", "explain", "job_01h455vb4pey") == 4
