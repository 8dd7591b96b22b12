from datetime import timedelta
from typing import Any

import pytest

from api.channel_status import ChannelState, RecentCalls, channel_state
from tests.worker.scheduler.test_fair_queue import NOW, row
from worker.scheduler.channel_capacity import ChannelCapacity, InFlight
from worker.scheduler.circuit_breaker import CircuitBreaker

BEFORE, LATER = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)


def state(in_flight: int = 0, **values: Any) -> tuple[ChannelState, str | None]:
    channel, calls = row(**values), InFlight({"m": in_flight} if in_flight else {})
    return channel_state(channel, ChannelCapacity(channel, calls, NOW), calls, NOW)


def breaker(until: Any) -> Any:
    return CircuitBreaker(5, BEFORE, until, None, "HTTP 502").to_json()


@pytest.mark.parametrize(
    ("values", "expected", "detail"),
    [
        ({}, ChannelState.OPEN, None),
        ({"configured": False}, ChannelState.UNUSED, "settings"),
        ({"tripped_at": NOW, "tripped_reason": "no balance"}, ChannelState.TRIPPED, "no balance"),
        ({"draining_at": NOW, "paused_reason": "by hand"}, ChannelState.DRAINED, "by hand"),
        ({"draining_at": NOW, "in_flight": 2}, ChannelState.DRAINING, None),
        ({"paused_at": NOW, "paused_reason": "by hand"}, ChannelState.PAUSED, "by hand"),
        ({"cooldown_until": LATER, "cooldown_reason": "429"}, ChannelState.COOLING, "429"),
        ({"cooldown_until": BEFORE}, ChannelState.OPEN, None),
        ({"breakers": {"": breaker(LATER)}}, ChannelState.BREAKER_OPEN, "HTTP 502"),
        ({"breakers": {"": breaker(BEFORE)}}, ChannelState.HALF_OPEN, "HTTP 502"),
        ({"breakers": {"m": breaker(LATER)}}, ChannelState.OPEN, "without m: HTTP 502"),
        ({"blocked_models": {"n": "no such model"}}, ChannelState.OPEN, "without n: no such model"),
    ],
)
def test_the_state_of_a_channel_comes_with_its_reason(
    values: dict[str, Any], expected: ChannelState, detail: str | None
) -> None:
    found, why = state(**values)
    assert found is expected
    assert (why is None) if detail is None else (detail in (why or ""))


def test_a_channel_that_is_closed_twice_shows_what_needs_a_person() -> None:
    assert state(tripped_at=NOW, paused_at=NOW, cooldown_until=LATER)[0] is ChannelState.TRIPPED
    assert state(configured=False, tripped_at=NOW)[0] is ChannelState.UNUSED


def test_the_success_rate_is_of_the_calls_that_ended() -> None:
    assert RecentCalls(9, 3, 2).success_rate == 0.667
    assert RecentCalls(9).success_rate is None
