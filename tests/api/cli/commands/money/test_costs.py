"""``darkroom costs``, against a scripted API, and reconcile against the database of the current folder."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.jobs import NewJob, insert_jobs
from models.settings import load_settings
from models.tables import attempts, callers
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


@pytest.mark.usefixtures("migrated")
def test_a_bill_settles_calls_of_which_the_cost_is_not_known(
    darkroom: Darkroom, capsys: Printed, tmp_path: Path
) -> None:
    record_call("req_7")
    (bill := tmp_path / "bill.csv").write_text("request_id,cost\nreq_7,0.25\n", encoding="utf-8")

    def reconciled(*options: str) -> tuple[int, list[tuple[str, bool]]]:
        code = darkroom("costs", "reconcile", str(bill), *options)
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, [(each["kind"], each["settled"]) for each in found]

    assert reconciled() == (1, [("unknown_here", False)])  # in which currency?
    assert reconciled("--currency", "usd")[0] == 2
    assert reconciled("--currency", "USD", "--dry-run") == (1, [("unknown_here", False)])
    assert reconciled("--currency", "USD") == (0, [("unknown_here", True)])
    assert reconciled() == (0, [])


def record_call(request_id: str) -> None:
    """Record a call without a price in the database of the current folder."""

    async def insert_rows() -> None:
        caller, job, at = new_id(), new_id(), now()
        database = Database(load_settings().sqlalchemy_url, pool=1)
        async with database.writing() as connection:
            await connection.execute(
                insert(callers).values(
                    id=caller, name="c", key_hash=caller.bytes * 2, key_hint="", admin=False, created_at=at
                )
            )
            new = NewJob(
                id=job,
                model="m",
                prompt="p",
                request={},
                priority=5,
                max_attempts=1,
                on_unknown="hold",
                not_before=at,
            )
            await insert_jobs(connection, [new], caller_id=caller, surface="rest", at=at)
            await connection.execute(
                insert(attempts).values(
                    job_id=job,
                    number=1,
                    generation=1,
                    channel="one",
                    worker_id=new_id(),
                    sent_at=at,
                    finished_at=at,
                    billed="unknown",
                    provider_request_id=request_id,
                )
            )
        await database.close()

    asyncio.run(insert_rows())
