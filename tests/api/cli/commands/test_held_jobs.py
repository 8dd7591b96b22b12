"""``darkroom jobs held``, ``release``, ``fail`` and ``reread``."""

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from api.cli.commands.held_jobs import cost_of
from tests.api.cli.scripted_server import ScriptedServer, a_job

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def decided(changed: int, *, more: bool = False, refused: Any = ()) -> dict[str, Any]:
    return {"changed": changed, "unchanged": 0, "refused": list(refused), "more": more}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_held_jobs_are_listed_by_their_status(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs", {"data": [a_job(2, status="held")], "next": None})
    assert darkroom("jobs", "held", "--campaign", "night") == 0
    assert json.loads(capsys.readouterr().out)["id"] == "job_2"
    assert server.requests[0].query == {"status": "held", "campaign": "night", "limit": "100"}


def test_the_table_shows_the_error_and_the_cost(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"billed": "unknown", "provider_request_id": "req-7", "finished_at": "2026-01-01T00:00:00.000Z"}
    error = {"code": "connection_lost", "message": "It was lost."}
    job = a_job(status="held", campaign="night", error=error, attempts=[call])
    server.respond("GET /v1/jobs", {"data": [job], "next": None})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert darkroom("jobs", "held") == 0
    shown = capsys.readouterr().out
    for words in ("job_1", "night", "connection_lost", "maybe charged", "req-7", "It was lost."):
        assert words in shown


@pytest.mark.parametrize(
    ("billed", "words"),
    [(["yes"], "charged"), (["unknown", "no", "no"], "1 maybe charged, 2 free"), ([], "")],
)
def test_the_cost_of_several_calls_is_counted(billed: list[str], words: str) -> None:
    job: Any = a_job(attempts=[{"billed": each} for each in billed])
    assert cost_of(job) == words


def test_jobs_are_released_by_id_and_refusals_are_printed(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    refused = [{"id": "job_2", "code": "conflict", "message": "This job is queued."}]
    server.respond("POST /v1/jobs/release", decided(1, refused=refused))
    assert darkroom("jobs", "release", "job_1", "job_2") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["changed"] == 1
    assert printed.err == "job_2: This job is queued.\n"
    assert server.requests[0].body == {"ids": ["job_1", "job_2"]}


def test_all_matching_jobs_are_failed_in_as_many_requests_as_needed(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("POST /v1/jobs/fail", decided(10_000, more=True))
    server.respond("POST /v1/jobs/fail", decided(5))
    arguments = ("--all", "--yes", "--model", "m", "--error-code", "timeout", "--reason", "enough")
    assert darkroom("jobs", "fail", *arguments) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == 10_005
    wanted = {"filter": {"model": "m", "error_code": "timeout"}, "reason": "enough"}
    assert [request.body for request in server.requests] == [wanted, wanted]


@pytest.mark.parametrize(("answer", "code", "requests"), [("y\n", 0, 1), ("\n", 2, 0)])
def test_all_needs_confirmation_at_a_terminal(
    server: ScriptedServer,
    darkroom: Darkroom,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
    answer: str,
    code: int,
    requests: int,
) -> None:
    server.respond("POST /v1/jobs/release", decided(3))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert darkroom("jobs", "release", "--all", "--campaign", "night") == code
    assert len(server.requests) == requests
    assert "campaign night" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["job_1", "--all"], ["job_1", "--campaign", "c"], ["--campaign", "c"], ["--all"]]
)
def test_an_ambiguous_selection_of_jobs_is_refused(
    server: ScriptedServer, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert darkroom("jobs", "release", *arguments) == 2
    assert server.requests == []


def test_reread_prints_what_was_found_for_each_job(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    found = {"job": a_job(status="storing"), "moved": True, "found": 1, "message": "1 picture", "answers": []}
    server.respond("POST /v1/jobs/job_1/reread", found)
    server.respond("POST /v1/jobs/job_2/reread", {"detail": "There is no job."}, status=404)
    assert darkroom("jobs", "reread", "job_2", "job_1") == 4
    printed = capsys.readouterr()
    assert json.loads(printed.out) == found
    assert printed.err == "job_2: There is no job.\n"


def test_an_admin_decides_the_held_jobs_of_one_caller(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("GET /v1/jobs", {"data": [], "next": None})
    assert darkroom("jobs", "held", "--caller", "alice") == 0
    server.respond("POST /v1/jobs/release", decided(2))
    assert darkroom("jobs", "release", "--all", "--caller", "alice", "--yes") == 0
    assert server.requests[0].query["caller"] == "alice"
    assert server.requests[1].body == {"filter": {"caller": "alice"}}
