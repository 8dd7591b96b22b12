"""``darkroom jobs``."""

import json
import socket
from collections.abc import Callable
from typing import cast

import pytest
from rich.console import Console

from api.cli.render.jobs import estimate_view, job_view
from api.client import Job
from tests.api.cli.servers import ScriptedServer, a_job

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_a_list_is_one_line_of_json_per_job_when_piped(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.says("GET /v1/jobs", {"data": [a_job(2), a_job(1)], "next": None})
    assert darkroom("jobs", "list") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["job_2", "job_1"]


def test_a_list_goes_on_over_pages_up_to_the_limit(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.says("GET /v1/jobs", {"data": [a_job(number) for number in range(100)], "next": "job_99"})
    server.says("GET /v1/jobs", {"data": [a_job(number) for number in range(50)], "next": "job_50"})
    assert darkroom("jobs", "list", "--limit", "150") == 0
    assert len(capsys.readouterr().out.splitlines()) == 150
    assert [(heard.query["limit"], heard.query.get("before")) for heard in server.heard] == [
        ("100", None),
        ("50", "job_99"),
    ]


def test_filters_and_the_key_reach_the_server(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.says("GET /v1/jobs", {"data": [], "next": None})
    assert darkroom("jobs", "list", "--status", "awaiting-input", "--model", "m", "--campaign", "c") == 0
    assert server.heard[0].query == {
        "status": "awaiting_input",
        "model": "m",
        "campaign": "c",
        "limit": "20",
    }
    assert server.heard[0].headers["authorization"] == "Bearer dk_test"


def test_one_job_is_shown_whole(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.says("GET /v1/jobs/job_1", a_job(text="done"))
    assert darkroom("jobs", "show", "job_1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "done"


def test_a_refusal_does_not_keep_the_other_jobs_from_being_cancelled(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.says("POST /v1/jobs/job_1/cancel", {"detail": "It is finished."}, status=409)
    server.says("POST /v1/jobs/job_2/cancel", a_job(2, status="cancelled"))
    assert darkroom("jobs", "cancel", "job_1", "job_2") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["id"] == "job_2"
    assert printed.err == "job_1: It is finished.\n"


def test_a_job_is_started_again(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.says("POST /v1/jobs/job_1/retry", a_job())
    assert darkroom("jobs", "retry", "job_1") == 0


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (401, 3), (403, 3), (404, 4), (409, 1), (422, 2), (429, 1), (503, 6)]
)
def test_what_the_server_says_becomes_an_exit_code_and_its_own_words(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, status: int, code: int
) -> None:
    server.says("GET /v1/jobs/job_1", {"detail": "So it is."}, status=status)
    assert darkroom("jobs", "show", "job_1") == code
    printed = capsys.readouterr()
    assert "So it is." in printed.err
    assert printed.out == ""


def test_an_id_that_is_a_path_is_not_sent(server: ScriptedServer, darkroom: Darkroom) -> None:
    assert darkroom("jobs", "show", "../keys") == 4
    assert server.heard == []


def test_a_server_that_is_down_is_said_in_words(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DARKROOM_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        assert darkroom("jobs", "list") == 6
    assert "can't be reached" in capsys.readouterr().err


def test_a_stranger_that_answers_is_not_taken_for_darkroom(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.says("GET /v1/jobs/job_1", b"<html>hello</html>")
    assert darkroom("jobs", "show", "job_1") == 6
    assert "DARKROOM_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"), [("DARKROOM_URL", "localhost:8080"), ("DARKROOM_API_KEY", "schlüssel mit lücken")]
)
def test_wrong_client_settings_are_named(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert darkroom("jobs", "list") == 2
    assert capsys.readouterr().err.startswith(f"{name}: ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["jobs", "list", "--limit", "0"], ["jobs", "show"]])
def test_wrong_arguments_end_with_the_usage_code(darkroom: Darkroom, arguments: list[str]) -> None:
    assert darkroom(*arguments) == 2


def test_a_waiting_job_tells_its_place_and_its_end_in_words(capsys: Printed) -> None:
    eta = {"p50": 250.0, "p90": 8000, "p50_at": None, "p90_at": None, "limiting_factor": "rate_limit"}
    waiting = {"reason": "fair_share", "detail": "others are before it", "next_eligible_at": None}
    job = a_job(1, waiting=waiting, queue_position=1234, queue_position_capped=False, eta=eta)
    Console(width=120, force_terminal=False).print(job_view(cast(Job, job)))
    said = capsys.readouterr().out
    assert "starts as number 1,234" in said
    assert "in about 4 min, in 9 of 10 cases within 2 h 13 min; the rate limit takes longest" in said


@pytest.mark.parametrize(
    ("remaining", "p50", "words"),
    [
        ({"queued": 9000, "running": 8, "held": 0}, 200_000, "9,000 queued, 8 running; 31 calls"),
        ({"queued": 9000, "running": 8, "held": 0}, 200_000, "in about 2 d 7 h"),
        ({"queued": 1}, None, "unknown yet (paused)"),
        ({"queued": 0}, None, "Nothing is left to do."),
    ],
)
def test_what_is_left_of_a_campaign_is_said_in_words(
    remaining: dict[str, int], p50: float | None, words: str
) -> None:
    factor = "rate_limit" if p50 else "paused"
    eta = {"p50": p50, "p90": p50, "limiting_factor": factor}
    assert words in estimate_view({"remaining": remaining, "calls_last_minute": 31, "eta": eta})


def test_the_end_of_a_campaign_is_asked_for_by_its_name(
    darkroom: Darkroom, server: ScriptedServer, capsys: Printed
) -> None:
    server.says("GET /v1/jobs/eta", {"remaining": {"queued": 3}, "calls_last_minute": 0, "eta": None})
    assert darkroom("jobs", "eta", "--campaign", "spring") == 0
    assert server.heard[0].query == {"campaign": "spring"}
    assert json.loads(capsys.readouterr().out)["remaining"] == {"queued": 3}
