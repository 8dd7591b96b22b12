"""``darkroom campaigns show``, ``pause``, ``resume``, ``approve``, ``cancel`` and ``watch``."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]
SPRING = "/v1/campaigns/spring"


def spring(status: str = "running", **counts: int) -> dict[str, Any]:
    items = {"total": sum(counts.values()), "by_status": counts}
    return {"name": "spring", "status": status, "items": items, "retry": {}, "updated_at": None}


@pytest.mark.parametrize("word", ["pause", "resume", "approve"])
def test_a_campaign_is_controlled(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, word: str
) -> None:
    server.respond(f"POST {SPRING}/{word}", spring("paused"))
    assert darkroom("campaigns", word, "spring") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "paused"


def test_a_pause_has_a_reason_and_an_end(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond(f"POST {SPRING}/pause", spring("paused"))
    assert (
        darkroom("campaigns", "pause", "spring", "--reason", "lunch", "--until", "2099-01-01T12:00:00") == 0
    )
    body = server.requests[0].body
    assert body["reason"] == "lunch"
    assert body["until"].startswith("2099-01-01T12:00:00+") or body["until"][19] in "+-"


def test_nothing_is_cancelled_without_an_answer(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond(f"GET {SPRING}", spring(waiting=3))
    server.respond(f"POST {SPRING}/cancel", spring("cancelled"))
    assert darkroom("campaigns", "cancel", "spring") == 2
    assert "--yes" in capsys.readouterr().err
    assert [each.method for each in server.requests] == ["GET"]
    assert darkroom("campaigns", "cancel", "spring", "--yes") == 0
    assert server.requests[-1].path == f"{SPRING}/cancel"


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (spring("finished", made=3), 0, ""),
        (spring("finished", made=2, failed=1), 1, ""),
        (spring("awaiting_approval", made=1, waiting=2), 1, "darkroom campaigns approve spring"),
    ],
)
def test_a_watch_ends_with_the_campaign_or_where_it_needs_a_person(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, state: dict[str, Any], code: int, words: str
) -> None:
    server.respond(f"GET {SPRING}", state)
    server.respond(f"GET {SPRING}/items", {"data": [], "next": None})
    assert darkroom("campaigns", "watch", "spring") == code
    assert words in capsys.readouterr().err


def test_show_names_a_campaign_that_is_not_there(server: ScriptedServer, darkroom: Darkroom) -> None:
    assert darkroom("campaigns", "show", "spring") == 4
