"""``darkroom costs``, against the database of the current folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("migrated")
def test_without_calls_there_are_no_costs(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("costs", "--by", "day,channel") == 0
    assert capsys.readouterr().out == ""
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
