"""``darkroom costs``, against a scripted API, and reconcile against the database of the current folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


ROW = {
    "day": "2026-01-31",
    "channel": "one",
    "currency": "USD",
    "calls": 3,
    "made": {"calls": 2, "cost": "0.50"},
    "failed_but_charged": {"calls": 1, "cost": "0.25"},
    "unknown": {"calls": 0, "reserved": "0"},
    "cost": "0.75",
}


def test_costs_are_those_that_the_api_reports(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.respond("GET /v1/costs", {"data": [ROW]})
    assert darkroom("costs", "--by", "day, channel", "--campaign", "night", "--caller", "alice") == 0
    assert json.loads(capsys.readouterr().out) == ROW
    query = server.requests[0].query
    assert (query["by"], query["campaign"], query["caller"]) == ("day,channel", "night", "alice")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert darkroom("costs", "--by", "day,channel") == 0
    assert "1 (0.25)" in capsys.readouterr().out


def test_what_the_api_refuses_is_a_usage_error(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("GET /v1/costs", {"detail": "by: write one or more of day"}, status=422)
    assert darkroom("costs", "--by", "weather") == 2


@pytest.mark.usefixtures("migrated")
def test_a_bill_with_requests_that_are_not_recorded_differs(
    darkroom: Darkroom, capsys: Printed, tmp_path: Path
) -> None:
    (bill := tmp_path / "bill.csv").write_text("\ufeffrequest_id,cost\nreq_1,0.25\n", encoding="utf-8")
    assert darkroom("costs", "reconcile", str(bill)) == 1
    (found,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (found["kind"], found["billed"], found["job"]) == ("not_recorded", "0.25", None)
    bill.write_text("request_id,cost\n")
    assert darkroom("costs", "reconcile", str(bill)) == 0
    bill.write_text("a,b\n1,2\n")
    assert darkroom("costs", "reconcile", str(bill)) == 2
    assert darkroom("costs", "reconcile", str(tmp_path / "none.csv")) == 2
