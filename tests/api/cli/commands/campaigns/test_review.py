"""``darkroom campaigns review``."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.cli.scripted_server import ScriptedServer

Darkroom = Callable[..., int]
ACTION = {"id": "action_1", "kind": "verdict", "status": "finished", "eligible": 1, "done": 1}
SPRING = "/v1/campaigns/spring"


def test_verdicts_are_given_on_named_items(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond(f"POST {SPRING}/verdicts", ACTION)
    words = ("--pick", "a", "--pick", "b", "--reject", "c", "--reason", "blurred")
    assert darkroom("campaigns", "review", "spring", *words) == 0
    assert [each.body for each in server.requests] == [
        {"verdict": "pick", "reason": "blurred", "dry_run": False, "items": ["a", "b"]},
        {"verdict": "reject", "reason": "blurred", "dry_run": False, "items": ["c"]},
    ]


def test_a_verdict_is_given_on_all_that_match(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond(f"POST {SPRING}/verdicts", ACTION)
    words = ("--where", "status=made", "--where", "key=a*,b*", "--verdict", "pick")
    assert darkroom("campaigns", "review", "spring", *words) == 0
    assert server.requests[0].body["filter"] == {"status": ["made"], "key": ["a*", "b*"]}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--verdict", "pick"),
        ("--where", "status=made"),
        ("--where", "state=made", "--verdict", "pick"),
        ("--where", "status=made", "--verdict", "good"),
    ],
)
def test_what_says_no_items_or_no_verdict_is_a_usage_error(
    server: ScriptedServer, darkroom: Darkroom, words: tuple[str, ...]
) -> None:
    assert darkroom("campaigns", "review", "spring", *words) == 2
    assert server.requests == []


class Terminal(io.StringIO):
    """Standard input on a terminal, with these answers."""

    def isatty(self) -> bool:
        return True


def an_item(number: int) -> dict[str, Any]:
    take = {"prompt": "a cat", "assets": [{"url": f"http://x/{number}.png"}]}
    return {"id": f"item_{number}", "key": f"k{number}", "variant": "", "takes": [take]}


def test_items_are_asked_about_one_after_the_other(
    server: ScriptedServer,
    darkroom: Darkroom,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for item in (an_item(1), an_item(2), an_item(3), None):
        server.respond(f"GET {SPRING}/review/next", {"item": item, "unjudged": 3})
    server.respond(f"POST {SPRING}/verdicts", ACTION)
    monkeypatch.setattr("sys.stdin", Terminal("p\ns\nr\n"))
    assert darkroom("campaigns", "review", "spring") == 0
    given = [(each.body["items"], each.body["verdict"]) for each in server.requests if each.method == "POST"]
    assert given == [(["item_1"], "pick"), (["item_3"], "reject")]
    asked = [each.query.get("after") for each in server.requests if each.method == "GET"]
    assert asked == [None, "item_1", "item_2", "item_3"]
    assert "http://x/1.png" in capsys.readouterr().err
