"""Capacity of one channel: what closes it, slow start, and reservations."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from models.queries.scheduling.due_jobs import Candidate
from models.queue_status import WaitReason
from worker.scheduler.channel_capacity import (
    INITIAL_CALLS,
    RAMP,
    ChannelCapacity,
    ClosedBy,
    InFlight,
    closed_by,
    closed_reason,
    slow_start,
)
from worker.scheduler.circuit_breaker import CircuitBreaker

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, CALLER = timedelta(seconds=1), UUID(int=1)


def row(**changes: Any) -> Any:
    defaults = {
        **{"id": UUID(int=9), "name": "one", "configured": True, "models": ["gpt*"], "rpm": None},
        **{"concurrency": 20, "tier": 0, "weight": 2.0, "limits": {}, "pace": {}, "breakers": {}},
        "images_per_call": None,
        **{
            "learned": {"woken": (NOW - 3600 * SECOND).isoformat()},
            "blocked_models": {},
            "learned_models": {},
        },
        **{
            "next_start_at": None,
            "paused_at": None,
            "paused_until": None,
            "paused_reason": None,
            "draining_at": None,
        },
        **{"tripped_at": None, "tripped_reason": None, "cooldown_until": None, "cooldown_reason": None},
    }
    return SimpleNamespace(**{**defaults, **changes})


def job(images: int = 1, number: int = 1) -> Candidate:
    return Candidate(UUID(int=number), CALLER, "gpt", 5, "", NOW, images)


CLOSED: list[tuple[dict[str, Any], ClosedBy, WaitReason, str]] = [
    ({"tripped_at": NOW, "tripped_reason": "no balance"}, ClosedBy.TRIPPED, WaitReason.PAUSED, "no balance"),
    ({"draining_at": NOW, "paused_reason": "move"}, ClosedBy.DRAINING, WaitReason.PAUSED, "draining: move"),
    ({"paused_at": NOW}, ClosedBy.PAUSED, WaitReason.PAUSED, "no reason was given"),
    ({"blocked_models": {"gpt": "no access"}}, ClosedBy.BLOCKED, WaitReason.PAUSED, "no access"),
    ({"configured": False}, ClosedBy.UNUSED, WaitReason.NO_CHANNEL, "not in the settings"),
    ({"cooldown_until": NOW + SECOND}, ClosedBy.COOLING, WaitReason.COOLDOWN, "its provider asked for it"),
]


@pytest.mark.parametrize(("changes", "closed", "reason", "words"), CLOSED)
def test_a_closed_channel_has_a_cause_with_its_reason_in_words(
    changes: dict[str, Any], closed: ClosedBy, reason: WaitReason, words: str
) -> None:
    channel = row(**changes)
    cause = closed_reason(channel, "gpt", NOW)
    assert closed_by(channel, "gpt", NOW) is closed
    assert cause is not None
    assert cause.reason is reason
    assert words in cause.detail
    assert cause.until == changes.get("cooldown_until")


def test_causes_take_precedence_in_their_order() -> None:
    changes = {name: value for values, *_ in CLOSED for name, value in values.items()}
    for values, closed, *_ in CLOSED:
        assert closed_by(row(**changes), "gpt", NOW) is closed
        open_again = {"configured": True, "blocked_models": {}}
        changes |= {name: open_again.get(name) for name in values}
    assert closed_by(row(**changes), "gpt", NOW) is None


def test_an_open_channel_is_closed_by_nothing() -> None:
    assert closed_by(row(), "gpt", NOW) is None
    assert closed_reason(row(), "gpt", NOW) is None


def test_a_blocked_model_closes_the_channel_for_that_model_only() -> None:
    channel = row(blocked_models={"gpt": "no access"})
    assert closed_by(channel, "gpt", NOW) is ClosedBy.BLOCKED
    assert closed_by(channel, "gpt-2", NOW) is None
    assert closed_by(channel, "", NOW) is None


def test_a_cooldown_ends_at_its_time() -> None:
    channel = row(cooldown_until=NOW)
    assert closed_by(channel, "", NOW - SECOND) is ClosedBy.COOLING
    assert closed_by(channel, "", NOW) is None


def test_a_slow_start_rises_from_its_first_calls_to_the_full_concurrency() -> None:
    assert slow_start(None, NOW, 100) == 100
    assert slow_start(NOW, NOW, 100) == 1
    assert slow_start(NOW, NOW, 100, initial=INITIAL_CALLS) == INITIAL_CALLS
    assert slow_start(NOW, NOW + RAMP / 2, 100) == 50
    assert slow_start(NOW, NOW + RAMP, 100) == 100


def test_calls_in_flight_reduce_the_headroom_of_the_channel_and_of_its_model() -> None:
    limits = {"gpt": {"concurrency": 3}}
    channel = ChannelCapacity(row(limits=limits), InFlight({"gpt": 1, "gpt-2": 4}), NOW)
    assert (channel.headroom("gpt"), channel.headroom("gpt-2")) == (2, 15)
    channel.record_start(job(), NOW)
    assert (channel.headroom("gpt"), channel.headroom("gpt-2")) == (1, 14)
    assert (channel.in_flight(), channel.in_flight("gpt"), channel.load) == (6, 2, 3.0)


def test_a_reservation_is_kept_in_the_row_and_ends_when_its_job_starts() -> None:
    limits = {"": {"ipm": 4}}
    first = ChannelCapacity(row(limits=limits), InFlight(), NOW)
    first.record_start(job(2), NOW)
    first.reserve(job(4, number=2))
    assert first.reservation_changed
    assert first.reserved_for is None  # smaller jobs go first for some seconds
    pace = first.changes()["pace"]
    later = NOW + 20 * SECOND
    second = ChannelCapacity(row(limits=limits, pace={**pace, "kept": list(pace["kept"])}), InFlight(), later)
    assert second.reserved_for == CALLER
    second.end_reservation(job(4, number=2))
    assert second.reserved_for is None
    assert "kept" not in second.changes()["pace"]


def test_a_channel_whose_row_was_written_by_a_clock_a_year_ahead_is_open() -> None:
    later = NOW + 365 * 24 * 3600 * SECOND
    ahead = ChannelCapacity(row(rpm=60, limits={"": {"rpd": 9}, "gpt": {"rpm": 6}}), InFlight(), later)
    ahead.record_start(job(), later)
    breakers = {"": CircuitBreaker(5, later, later + 15 * SECOND, None, "HTTP 500").to_json()}
    written = row(
        **{"rpm": 60, "limits": {"gpt": {"rpm": 6}}, "breakers": breakers, "cooldown_until": later},
        **ahead.changes(),
    )
    channel = ChannelCapacity(written, InFlight(), NOW)
    assert closed_by(written, "gpt", NOW) is None
    assert channel.takes(job())
    assert channel.next_start("gpt", 1, NOW) == NOW


def test_a_call_counts_as_many_images_as_it_asks_for() -> None:
    limits = {"": {"ipm": 10}}
    for per_call, started in ((None, 2), (2, 5), (1, 10)):
        channel, starts = ChannelCapacity(row(limits=limits, images_per_call=per_call), InFlight(), NOW), []
        while channel.next_start("gpt", 4, NOW) < NOW + timedelta(seconds=60):
            starts.append(channel.next_start("gpt", 4, NOW))
            channel.record_start(Candidate(UUID(int=1), UUID(int=2), "gpt", 5, "", NOW, images=4), starts[-1])
        assert len(starts) == started
