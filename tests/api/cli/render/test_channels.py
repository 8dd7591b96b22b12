"""Channels as tables."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from api.cli.render.channels import CHANNEL_COLUMNS, channel_cells, channel_view

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_channel(**members: Any) -> dict[str, Any]:
    """Return a channel as ``api.channel_status`` shows it."""
    return {
        "name": "one",
        "state": "open",
        "detail": None,
        "models": ["a", "b*"],
        "order": 0,
        "weight": 1,
        "rpm": 60,
        "concurrency": 16,
        "limits": {"burst": 1},
        "model_limits": {},
        "learned_rpm": None,
        "learned_concurrency": None,
        "learned_models": {},
        "rate_now": 12,
        "in_flight": 3,
        "in_flight_by_model": {},
        "paused_at": None,
        "paused_reason": None,
        "draining_at": None,
        "tripped_at": None,
        "tripped_reason": None,
        "cooldown_until": None,
        "cooldown_reason": None,
        "blocked_models": {},
        "breakers": {},
        "recent": {"calls": 0, "succeeded": 0, "share": None},
        "routing": {},
        "not_understood": {"answers": 0, "explain": None},
        "last_error": None,
        **members,
    }


def cells(**members: Any) -> dict[str, str]:
    """Return the table row of a channel by column."""
    row = channel_cells(a_channel(**members), AT)
    return dict(zip(CHANNEL_COLUMNS, map(str, row), strict=True))


def shown(**members: Any) -> str:
    """Return the facts of a channel as printed."""
    out = io.StringIO()
    Console(file=out, width=120, highlight=False).print(channel_view(a_channel(**members), AT))
    return out.getvalue()


@pytest.mark.parametrize(
    ("limits", "rate"),
    [
        ({}, "12 of 60"),
        ({"rpm": None}, "12, no limit"),
        ({"learned_rpm": 45.0}, "12 of 45 (learned; 60 set)"),
        ({"learned_rpm": 7.5, "rpm": None}, "12 of 7.5 (learned)"),
    ],
)
def test_the_rate_stands_beside_the_limit_in_force(limits: dict[str, Any], rate: str) -> None:
    assert cells(**limits)["PER MINUTE"] == rate


def test_a_learned_concurrency_replaces_the_set_one() -> None:
    assert cells(learned_concurrency=4)["IN FLIGHT"] == "3 of 4 (learned; 16 set)"
    assert "more concurrent calls; 4 are made" in shown(learned_concurrency=4)


def test_a_weight_is_shown_if_it_is_not_1() -> None:
    assert (cells()["ORDER"], cells(weight=2.5)["ORDER"]) == ("0", "0, weight 2.5")


def test_the_share_of_successes_is_empty_without_calls() -> None:
    assert cells()["OK"] == ""
    assert cells(recent={"calls": 3, "succeeded": 2, "share": 0.667})["OK"] == "67%"


def test_the_detail_is_the_reason_of_the_state_and_else_the_last_error() -> None:
    error = {"code": "upstream_error", "message": "HTTP 502", "at": "2026-01-01T11:48:00Z"}
    assert cells(last_error=error)["DETAIL"] == "last error 12m ago: upstream_error: HTTP 502"
    assert cells(last_error=error, detail="bill unpaid")["DETAIL"] == "bill unpaid"


def test_only_limits_that_were_set_are_listed() -> None:
    text = shown(limits={"burst": 1, "rpd": 500}, model_limits={"a": {"rpm": 3}, "b": {}})
    assert "rpd 500" in text
    assert "rpm 3" in text
    assert "burst" not in text


def test_every_reason_for_a_closed_channel_is_listed() -> None:
    breaker = {"state": "half_open", "failures": 5, "until": None, "reason": "HTTP 502"}
    text = shown(
        state="cooling",
        paused_at="2026-01-01T11:00:00.123Z",
        paused_reason="bill unpaid",
        tripped_at="2026-01-01T11:30:00Z",
        tripped_reason="the key is not valid",
        cooldown_until="2026-01-01T12:30:00Z",
        breakers={"": breaker},
        blocked_models={"b-2": "no access"},
    )
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "paused since 2026-01-01 11:00:00Z: bill unpaid",
        "tripped since 2026-01-01 11:30:00Z: the key is not valid",
        "cools down until 2026-01-01 12:30:00Z:",
        "breaker half open, 5 failures in a row: HTTP 502",
        "not b-2 no access",
    ):
        assert line in lines


def test_the_policy_of_a_model_is_shown_with_what_it_compares() -> None:
    routed = {
        "policy": "most_reliable",
        "calls": 40,
        "cost_per_picture": "0.03",
        "currency": "CNY",
        "p50_seconds": 12.5,
        "reliability": 0.97,
    }
    unknown = {**routed, "policy": "order", "cost_per_picture": None, "p50_seconds": None}
    text = shown(routing={"m": routed, "n": unknown}, not_understood={"answers": 0})
    assert "most reliable: 0.03 CNY a picture, 12.5 s (p50), 97% of 40 calls" in text
    assert "order: 97% of 40 calls" in text
