"""``darkroom campaigns costs``."""

import json
from collections.abc import Callable

import pytest

from api.cli.commands.campaigns.costs import _lines
from tests.api.cli.scripted_server import ScriptedServer

REPORT = {
    "object": "costs",
    "currency": "USD",
    "made": 3,
    "by_model": [{"model": "m", "cost": "1"}],
    "x": {"y": 1},
}


def test_the_report_is_printed(
    server: ScriptedServer, darkroom: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    server.respond("GET /v1/campaigns/spring/costs", REPORT)
    assert darkroom("campaigns", "costs", "spring") == 0
    assert json.loads(capsys.readouterr().out)["made"] == 3


def test_people_get_a_line_for_each_member() -> None:
    assert [" ".join(line.split()) for line in _lines(REPORT)] == [
        "currency USD",
        "made 3",
        "by model",
        "model m, cost 1",
        "x",
        "y 1",
    ]
