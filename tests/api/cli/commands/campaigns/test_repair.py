"""``darkroom campaigns retry``."""

import json
from collections.abc import Callable

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
TRIED = {"id": None, "kind": "retry", "status": "dry_run", "eligible": 7, "may_pay_twice": 1}
RETRY = "POST /v1/campaigns/spring/retry"


def test_a_retry_is_tried_asked_about_and_waited_for(
    server: ScriptedServer, darkroom: Darkroom, capsys: pytest.CaptureFixture[str]
) -> None:
    server.respond(RETRY, TRIED)
    server.respond(RETRY, {**TRIED, "id": "action_1", "status": "running"})
    server.respond("GET /v1/actions/action_1", {**TRIED, "id": "action_1", "status": "finished", "done": 7})
    assert darkroom("campaigns", "retry", "spring", "--where", "error=refusal", "--yes") == 0
    asked = {"mode": "missing_and_failed", "filter": {"error": ["refusal"]}}
    assert [each.body for each in server.requests if each.body] == [
        {**asked, "dry_run": True},
        {**asked, "expected_count": 7},
    ]
    assert json.loads(capsys.readouterr().out)["done"] == 7


def test_without_an_answer_nothing_is_retried(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond(RETRY, TRIED)
    assert darkroom("campaigns", "retry", "spring") == 2
    assert len(server.requests) == 1


@pytest.mark.parametrize("words", [("--dry-run",), ("--yes",)])
def test_a_dry_run_and_a_retry_of_nothing_change_nothing(
    server: ScriptedServer, darkroom: Darkroom, words: tuple[str, ...]
) -> None:
    server.respond(RETRY, {**TRIED, "eligible": 0 if words == ("--yes",) else 7})
    assert darkroom("campaigns", "retry", "spring", *words) == 0
    assert [each.body["dry_run"] for each in server.requests] == [True]
