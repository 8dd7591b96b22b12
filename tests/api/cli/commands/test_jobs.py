"""``darkroom jobs``."""

import json
import re
import socket
from collections.abc import Callable

import pytest

from tests.api.cli.scripted_server import ScriptedServer, a_job

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_a_piped_list_is_one_line_of_json_per_job(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs", {"data": [a_job(2), a_job(1)], "next": None})
    assert darkroom("jobs", "list") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["job_2", "job_1"]


def test_a_list_follows_pages_up_to_the_limit(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs", {"data": [a_job(number) for number in range(100)], "next": "job_99"})
    server.respond("GET /v1/jobs", {"data": [a_job(number) for number in range(50)], "next": "job_50"})
    assert darkroom("jobs", "list", "--limit", "150") == 0
    assert len(capsys.readouterr().out.splitlines()) == 150
    assert [(request.query["limit"], request.query.get("before")) for request in server.requests] == [
        ("100", None),
        ("50", "job_99"),
    ]


def test_filters_and_the_key_reach_the_server(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("GET /v1/jobs", {"data": [], "next": None})
    assert darkroom("jobs", "list", "--status", "awaiting-input", "--model", "m", "--campaign", "c") == 0
    assert server.requests[0].query == {
        "status": "awaiting_input",
        "model": "m",
        "campaign": "c",
        "limit": "20",
    }
    assert server.requests[0].headers["authorization"] == "Bearer dk_test"


def test_a_job_is_kept_and_left_to_its_rules_again(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {"kind": "pictures", "seconds": 86_400.0, "rule": "caller", "due_at": "2026-12-24T00:00:00Z"}
    events = pictures | {"kind": "events", "due_at": None}
    ruled = {"job": "job_1", "keep": False, "kinds": [pictures, events, events | {"seconds": None}]}
    server.respond("PUT /v1/jobs/job_1/retention", ruled | {"keep": True})
    server.respond("PUT /v1/jobs/job_1/retention", ruled)
    server.respond("GET /v1/jobs/job_1/retention", ruled | {"kinds": []})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert darkroom("jobs", "keep", "job_1") == 0
    assert darkroom("jobs", "keep", "job_1", "--undo") == 0
    assert darkroom("jobs", "retention", "job_1") == 0
    assert [request.body for request in server.requests[:2]] == [{"keep": True}, {"keep": False}]
    assert capsys.readouterr().out.splitlines() == [
        "job_1  kept",
        "job_1",
        "  pictures: 2026-12-24T00:00:00Z (caller)",
        "  events: 24 h after its end (caller)",
        "job_1  no rule deletes it",
    ]


def test_one_job_is_shown_whole(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("GET /v1/jobs/job_1", a_job(text="done"))
    assert darkroom("jobs", "show", "job_1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "done"


def test_a_refusal_does_not_stop_the_other_cancellations(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("POST /v1/jobs/job_1/cancel", {"detail": "It is finished."}, status=409)
    server.respond("POST /v1/jobs/job_2/cancel", a_job(2, status="cancelled"))
    assert darkroom("jobs", "cancel", "job_1", "job_2") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["id"] == "job_2"
    assert printed.err == "job_1: It is finished.\n"


def test_a_job_is_started_again(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("POST /v1/jobs/job_1/retry", a_job())
    assert darkroom("jobs", "retry", "job_1") == 0


def test_a_job_that_succeeded_is_paid_again_only_after_a_confirmation(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs/job_1", a_job(status="succeeded"))
    server.respond("GET /v1/jobs/job_2", a_job(2, status="failed"))
    for number in (1, 2):
        server.respond(f"POST /v1/jobs/job_{number}/retry", a_job(number))
    assert darkroom("jobs", "retry", "job_1", "job_2") == 2  # no terminal to ask
    assert "job_1 has succeeded" in capsys.readouterr().err
    assert {request.method for request in server.requests} == {"GET"}
    assert darkroom("jobs", "retry", "job_1", "job_2", "--yes") == 0
    assert [request.method for request in server.requests[-2:]] == ["POST", "POST"]


def test_jobs_of_a_filter_are_counted_confirmed_and_changed_as_counted(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    skipped = [{"reason": "ended", "count": 1, "message": "it has ended", "samples": []}]
    tried = {"matched": 3, "eligible": 2, "changed": 0, "samples": [], "more": False, "skipped": skipped}
    for verb in ("cancel", "retry"):
        server.respond(f"POST /v1/jobs/{verb}", tried)
        server.respond(f"POST /v1/jobs/{verb}", tried)
        server.respond(f"POST /v1/jobs/{verb}", tried | {"changed": 2})
    chosen = {"filter": {"tag": "a b", "ids": ["job_1", "job_2"]}}
    query = "https://x.example/dashboard/jobs?tag=a+b&ids=job_1,job_2"
    assert darkroom("jobs", "cancel", "--filter", query) == 2  # no terminal to ask
    assert "2 of 3 jobs that match would change; nothing was changed" in capsys.readouterr().err
    assert darkroom("jobs", "cancel", "--filter", query, "--yes") == 0
    assert [request.body for request in server.requests] == [
        chosen | {"dry_run": True},
        chosen | {"dry_run": True},
        chosen | {"expected_count": 2},
    ]
    assert darkroom("jobs", "retry", "--filter", "status=failed", "--dry-run", "--may-pay-twice") == 0
    assert server.requests[-1].body == {
        "filter": {"status": "failed"},
        "dry_run": True,
        "may_pay_twice": True,
    }
    for wrong in (["--filter", "failed"], [], ["job_1", "--filter", "tag=a"], ["job_1", "--dry-run"]):
        assert darkroom("jobs", "retry", *wrong) == 2
    assert len(server.requests) == 4


def test_states_are_a_list(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("GET /v1/jobs", {"data": [], "next": None})
    assert darkroom("jobs", "list", "--status", "failed,held", "--status", "awaiting-input") == 0
    assert server.requests[0].query["status"] == "failed,held,awaiting_input"
    assert darkroom("jobs", "list", "--status", "finished") == 2
    assert "--status finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (401, 3), (403, 3), (404, 4), (409, 1), (422, 2), (429, 1), (503, 6)]
)
def test_an_error_status_becomes_an_exit_code_and_the_server_s_text(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, status: int, code: int
) -> None:
    server.respond("GET /v1/jobs/job_1", {"detail": "So it is."}, status=status)
    assert darkroom("jobs", "show", "job_1") == code
    printed = capsys.readouterr()
    assert "So it is." in printed.err
    assert printed.out == ""


def test_an_id_that_is_a_path_is_not_sent(server: ScriptedServer, darkroom: Darkroom) -> None:
    assert darkroom("jobs", "show", "../keys") == 4
    assert server.requests == []


def test_a_server_that_is_down_is_a_plain_sentence(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DARKROOM_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        assert darkroom("jobs", "list") == 6
    assert "can't be reached" in capsys.readouterr().err


def test_a_response_that_is_not_json_is_not_taken_for_darkroom_s(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs/job_1", b"<html>hello</html>")
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


def test_eta_requests_one_campaign_by_its_name(
    darkroom: Darkroom, server: ScriptedServer, capsys: Printed
) -> None:
    server.respond("GET /v1/jobs/eta", {"remaining": {"queued": 3}, "calls_last_minute": 0, "eta": None})
    assert darkroom("jobs", "eta", "--campaign", "spring") == 0
    assert server.requests[0].query == {"campaign": "spring"}
    assert json.loads(capsys.readouterr().out)["remaining"] == {"queued": 3}


def test_an_admin_lists_the_jobs_of_all_callers_or_of_one(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned = [
        a_job(2, caller={"id": "a", "name": "alice"}),
        a_job(1, caller={"id": "c", "name": "bob"}),
    ]
    server.respond("GET /v1/jobs", {"data": owned, "next": None})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert darkroom("jobs", "list", "--caller", "alice") == 0
    head, *rows = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()  # without colours
    assert head.split()[:3] == ["ID", "CALLER", "STATUS"]
    assert [row.split()[:2] for row in rows] == [["job_2", "alice"], ["job_1", "bob"]]
    assert server.requests[0].query["caller"] == "alice"


@pytest.mark.parametrize("found", [[a_job(1)], []])
def test_the_jobs_of_one_caller_are_listed_without_its_name(
    server: ScriptedServer,
    darkroom: Darkroom,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
    found: list[dict[str, object]],
) -> None:
    server.respond("GET /v1/jobs", {"data": found, "next": None})
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert darkroom("jobs", "list") == 0
    shown = capsys.readouterr().out
    assert "CALLER" not in shown
    assert ("job_1" in shown) is bool(found)


def test_short_ids_are_left_to_the_api_whose_refusal_is_shown(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    refusal = {"detail": "job_id: several ids begin with 01h455vb: job_01h455vb4pex…", "code": "ambiguous_id"}
    for verb in ("cancel", "retry", "reread"):
        server.respond(f"POST /v1/jobs/01h455vb/{verb}", refusal, status=422)
        assert darkroom("jobs", verb, "01h455vb", *(["--yes"] if verb == "retry" else [])) == 2
        assert "job_01h455vb4pex" in capsys.readouterr().err
    server.respond("POST /v1/jobs/release", refusal, status=422)
    assert darkroom("jobs", "release", "01h455vb") == 2
