"""The card of an explained answer."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from api.cli.render.explanation import card
from tests.worker.upstream.cases import cases
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mM4IScHAAK2AQUKW6YGAAAAAElFTkSuQmCC"


def drawn(width: int = 80, **members: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(card(explain(observation_of(members))))
    return out.getvalue()


def test_a_card_says_what_happens_to_the_job_and_whether_it_was_charged() -> None:
    shown = " ".join(drawn(id="a", status=429, headers={"retry-after": "7.5"}, body="slow down").split())
    for part in (
        "a · HTTP 429",
        "sent again when the channel may call again, and loses no attempt",
        "money not charged",
        "wait 7.5 s",
        "it said slow down",
    ):
        assert part in shown


def test_a_card_says_when_there_is_one_more_call() -> None:
    error = {"code": "invalid_image_url", "message": "Timeout while downloading the image"}
    shown = drawn(status=400, body={"error": error})
    assert "input_image_unreachable" in shown
    assert "it is sent once more; then it fails" in shown


def test_a_card_names_the_handles_of_a_lost_image() -> None:
    task = "> ID: `task_7`\n>[原始数据](https://pro.asyncdata.net/source/task_7)\n>进度 14..38..\n"
    body = "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": task}}]}) + "\n\n"
    shown = drawn(status=200, headers={"x-request-id": "req_1"}, body=body, transport="reset")
    for part in ("? ambiguous", "task_7", "https://pro.asyncdata.net/source/task_7", "14 → 38 %", "req_1"):
        assert part in shown


def test_a_card_formats_rate_limits() -> None:
    names = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    shown = drawn(status=200, headers=dict(zip(names, ("1000", "942", "3h"), strict=True)))
    assert "≡ headers only" in shown
    assert "942 of 1,000 left, full again in 3 h" in shown


def test_a_card_shows_the_rate_limit_in_the_message() -> None:
    shown = drawn(status=429, body={"error": {"message": "5分钟内最多请求10次"}})
    assert "10 calls in 5 min, stated by the provider" in shown


def test_a_card_shows_an_inline_image_by_type_and_size() -> None:
    shown = drawn(
        status=200, body={"choices": [{"message": {"content": f"![a](data:image/png;base64,{PNG})"}}]}
    )
    assert "inside the answer: image/png, 69 bytes" in shown
    assert PNG[:40] not in shown


@pytest.mark.parametrize("width", [40, 80])
def test_no_card_is_wider_than_the_terminal(width: int) -> None:
    for case in cases()[::3]:
        row = json.loads(case.line)
        assert all(len(line) <= width for line in drawn(width, **row).splitlines())


def test_control_characters_are_removed() -> None:
    shown = drawn(id="\x1b[2J", status=400, body={"error": {"message": "[red]\x1b]0;x\x07[/] \ud800"}})
    assert "\x1b" not in shown
    assert "[red]" in shown
