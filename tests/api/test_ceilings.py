"""Ceilings of a caller: what is open at once, and what is done in a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from api import ceilings
from api.ceilings import MinuteLimit, OpenLimit, RefusedRequests
from api.web.problems import Problem
from models.ids import new_id

ALICE, BOB = new_id(), new_id()
AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_is_open_is_limited_for_each_caller_alone() -> None:
    limit = OpenLimit(2, "streams open", "event_streams")
    with limit.hold(ALICE), limit.hold(ALICE), limit.hold(BOB):
        assert not limit.has_room(ALICE)
        assert limit.has_room(BOB)
        with pytest.raises(Problem) as refused, limit.hold(ALICE):
            pass
    assert refused.value.status == 429
    assert refused.value.detail == "You have 2 streams open, the most that DARKROOM_EVENT_STREAMS allows."
    assert refused.value.more == {"limit": 2, "setting": "DARKROOM_EVENT_STREAMS"}
    with limit.hold(ALICE):
        assert limit.has_room(ALICE)


def test_what_ended_in_an_error_is_not_open_any_more() -> None:
    limit = OpenLimit(1, "streams open", "event_streams")
    with pytest.raises(ValueError, match="broken"), limit.hold(ALICE):
        raise ValueError("broken")
    assert limit.has_room(ALICE)


def test_what_is_done_is_limited_in_any_minute() -> None:
    limit = MinuteLimit(2, "tests", "webhook_tests")
    limit.count(ALICE, AT)
    limit.count(ALICE, AT + timedelta(seconds=50))
    limit.count(BOB, AT)
    with pytest.raises(Problem) as refused:
        limit.count(ALICE, AT + timedelta(seconds=55))
    assert refused.value.headers == {"Retry-After": "6"}
    limit.count(ALICE, AT + timedelta(seconds=60))
    with pytest.raises(Problem):
        limit.count(ALICE, AT + timedelta(seconds=61))


def test_a_limit_of_zero_refuses_everything() -> None:
    with pytest.raises(Problem):
        MinuteLimit(0, "tests", "webhook_tests").count(ALICE, AT)


def test_each_refusal_is_taken_once() -> None:
    refused = RefusedRequests()
    for key in ("a", "a", "b"):
        refused.note(key)
    assert [refused.take(key) for key in ("a", "a", "a", "b", "b", "c")] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]


def test_refusals_are_forgotten_after_a_while_and_in_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = RefusedRequests()
    refused.note("a")
    monkeypatch.setattr(ceilings, "monotonic", lambda: float("1e12"))
    assert not refused.take("a")
    for key in range(25_000):
        refused.note(key)
    assert not refused.take(0)
    assert refused.take(24_999)
