"""``darkroom campaigns``."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from api.cli.commands.campaigns.app import _cells
from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]
RULES = {"no_image": {"attempts": 3}, "rate_limited": {"base": 9.0, "counts": False}}


def a_campaign(**members: Any) -> dict[str, Any]:
    """Return a campaign as the API shows it."""
    made = {"object": "campaign", "name": "night-1", "retry": RULES, "updated_at": "2026-01-01T00:00:00.000Z"}
    return {**made, **members}


def test_rules_are_sent_as_typed(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("PATCH /v1/campaigns/night-1", a_campaign())
    typed = ["no_image.attempts=3", "rate_limited.base=9", "rate_limited.counts=false", "retry.jitter=equal"]
    options = [word for each in (*typed, "maintenance=none", "retry.cap=none") for word in ("--retry", each)]
    assert darkroom("campaigns", "set", "night-1", *options) == 0
    assert server.requests[0].body == {
        "retry": {
            "no_image": {"attempts": 3},
            "rate_limited": {"base": 9, "counts": False},
            "retry": {"jitter": "equal", "cap": None},
            "maintenance": None,
        }
    }
    assert json.loads(capsys.readouterr().out)["name"] == "night-1"


@pytest.mark.parametrize("rule", ["no_image", "no_image=3", "=3", "no_image.attempts", "no_image.attempts="])
def test_an_invalid_rule_is_not_sent(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, rule: str
) -> None:
    assert darkroom("campaigns", "set", "night-1", "--retry", rule) == 2
    assert "CLASS.MEMBER=VALUE" in capsys.readouterr().err
    assert server.requests == []


def test_set_without_rules_is_a_usage_error(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("campaigns", "set", "night-1") == 2
    assert "--retry" in capsys.readouterr().err


def test_a_name_may_have_any_characters(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("GET /v1/campaigns/a%2Fb%3F", a_campaign(name="a/b?"))
    assert darkroom("campaigns", "show", "a/b?") == 0


def test_campaigns_are_listed_over_pages(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("GET /v1/campaigns", {"data": [a_campaign()], "next": "night-1"})
    server.respond("GET /v1/campaigns", {"data": [a_campaign(name="night-2")], "next": None})
    assert darkroom("campaigns", "list") == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == [
        "night-1",
        "night-2",
    ]
    assert [request.query.get("after") for request in server.requests] == [None, "night-1"]


def test_rules_are_shown_as_typed() -> None:
    assert _cells(a_campaign())[-1].splitlines() == [
        "no_image.attempts=3",
        "rate_limited.base=9",
        "rate_limited.counts=False",
    ]
