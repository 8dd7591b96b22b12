"""``darkroom webhooks``."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def a_webhook(**members: Any) -> dict[str, Any]:
    """Return a webhook as the API shows it."""
    return {
        "id": "webhook_1",
        "object": "webhook",
        "url": "https://receiver.example/hook",
        "description": "",
        "events": ["job.failed"],
        "enabled": True,
        "disabled_reason": None,
        **members,
    }


def a_delivery(**members: Any) -> dict[str, Any]:
    """Return a delivery as the API shows it."""
    return {
        "id": "delivery_1",
        "webhook": "webhook_1",
        "job": None,
        "type": "webhook.test",
        "status": "pending",
        "tries": 0,
        "created_at": "2026-01-01T00:00:00.000Z",
        "next_at": None,
        "log": [],
        **members,
    }


def test_a_new_webhook_is_printed_with_its_secret(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("POST /v1/webhooks", a_webhook(secret="whsec_x"), status=201)
    url = "https://receiver.example/hook"
    assert darkroom("webhooks", "create", url, "--event", "job.failed", "--event", "job.held") == 0
    assert json.loads(capsys.readouterr().out)["secret"] == "whsec_x"
    assert server.requests[0].body == {"url": url, "description": "", "events": ["job.failed", "job.held"]}


def test_without_events_the_server_chooses(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("POST /v1/webhooks", a_webhook(secret="whsec_x"), status=201)
    assert darkroom("webhooks", "create", "https://receiver.example/hook") == 0
    assert "events" not in server.requests[0].body


def test_webhooks_are_listed_shown_changed_and_deleted(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    address = "/v1/webhooks/webhook_1"
    server.respond("GET /v1/webhooks", {"data": [a_webhook()]})
    server.respond(f"GET {address}", a_webhook())
    server.respond(f"PATCH {address}", a_webhook(enabled=False))
    server.respond(f"DELETE {address}", b"", status=204)
    server.respond(f"POST {address}/rotate", a_webhook(secret="whsec_y"))
    for command in (
        ["list"],
        ["show", "webhook_1"],
        ["disable", "webhook_1"],
        ["enable", "webhook_1"],
        ["rotate", "webhook_1", "--overlap", "60"],
        ["delete", "webhook_1"],
    ):
        assert darkroom("webhooks", *command) == 0, command
    lines = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["webhook_1"] * 5
    bodies = [request.body for request in server.requests]
    assert bodies == [None, None, {"enabled": False}, {"enabled": True}, {"overlap": 60}, None]


@pytest.mark.parametrize(("status", "code"), [("delivered", 0), ("failed", 1)])
def test_a_webhook_test_waits_for_its_delivery_and_exits_by_its_outcome(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, status: str, code: int
) -> None:
    server.respond("POST /v1/webhooks/webhook_1/test", a_delivery(), status=202)
    server.respond("GET /v1/webhooks/deliveries/delivery_1", a_delivery(status=status))
    assert darkroom("webhooks", "test", "webhook_1") == code
    assert json.loads(capsys.readouterr().out)["status"] == status


def test_deliveries_follow_pages_up_to_the_limit(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    address = "GET /v1/webhooks/default/deliveries"
    server.respond(address, {"data": [a_delivery()] * 100, "next": "delivery_9"})
    server.respond(address, {"data": [a_delivery()] * 20, "next": "delivery_8"})
    assert darkroom("webhooks", "deliveries", "default", "--status", "failed", "--limit", "120") == 0
    assert len(capsys.readouterr().out.splitlines()) == 120
    assert [request.query for request in server.requests] == [
        {"status": "failed", "limit": "100"},
        {"status": "failed", "limit": "20", "before": "delivery_9"},
    ]


def test_a_replay_prints_the_delivery(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("POST /v1/webhooks/deliveries/delivery_1/replay", a_delivery(replayed=True), status=202)
    assert darkroom("webhooks", "replay", "delivery_1") == 0
    assert json.loads(capsys.readouterr().out)["replayed"] is True


def test_an_invalid_id_is_not_sent(server: ScriptedServer, darkroom: Darkroom) -> None:
    assert darkroom("webhooks", "show", "../jobs") == 4
    assert server.requests == []
