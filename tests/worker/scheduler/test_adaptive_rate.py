"""Against a provider with a hidden limit, in simulated time."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from worker.scheduler.adaptive_rate import (
    AdaptiveRate,
    LastMinute,
    after_concurrency_limit,
    after_overload,
    after_rate_limit,
)
from worker.scheduler.rate_limiter import GcraLimit, Rate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class HiddenLimit:
    """A provider that refuses more than so many calls in any 60 s."""

    rpm: int
    says_when: bool
    accepted: deque[datetime] = field(default_factory=deque)

    def call(self, now: datetime) -> timedelta | None:
        """Return ``None`` if the call is taken, else how long to wait."""
        while self.accepted and self.accepted[0] <= now - MINUTE:
            self.accepted.popleft()
        if len(self.accepted) >= self.rpm:
            return self.accepted[0] + MINUTE - now
        self.accepted.append(now)
        return None


def simulate(
    provider: HiddenLimit, minutes: int, *, ceiling: float | None, unlimited: float = 600
) -> list[tuple[datetime, bool]]:
    """Call as often as what was learned allows; return when, and whether the call was taken."""
    known, limit, now = AdaptiveRate(), GcraLimit(Rate(unlimited)), NOW
    calls: list[tuple[datetime, bool]] = []
    sent: deque[datetime] = deque()
    while now < NOW + timedelta(minutes=minutes):
        rate = known.rate_at(now, ceiling) or unlimited
        limit.rate = Rate(rate)
        now = limit.earliest(1, now)
        limit.take(now, 1)
        wait = provider.call(now)
        calls.append((now, wait is None))
        if wait is None:
            sent.append(now)
            continue
        while sent and sent[0] <= now - MINUTE:
            sent.popleft()
        last = LastMinute(len(sent), sent[0] if sent else None, sent[-1] if sent else None)
        known = after_rate_limit(known, now, ceiling, last, wait if provider.says_when else None)
        assert known.resumed is not None
        now = max(now, known.resumed)
    return calls


@pytest.mark.parametrize("ceiling", [None, 600.0])
@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("rpm", [10, 30, 60, 120, 300])
def test_a_hidden_limit_is_used_to_85_percent_and_hardly_touched(
    rpm: int, says_when: bool, ceiling: float | None
) -> None:
    calls = simulate(HiddenLimit(rpm, says_when), 45, ceiling=ceiling)
    settled = [taken for at, taken in calls if at >= NOW + 5 * MINUTE]
    assert sum(settled) >= 0.85 * rpm * 40
    assert settled.count(False) < 0.02 * len(settled)


def test_a_limit_that_was_lifted_is_found_again_within_half_an_hour() -> None:
    known = after_rate_limit(
        AdaptiveRate(), NOW, None, LastMinute(30, NOW - MINUTE, NOW), timedelta(seconds=5)
    )
    assert known.rate_at(NOW + 6 * MINUTE, None) == pytest.approx(30, rel=0.05)
    assert (known.rate_at(NOW + 30 * MINUTE, None) or 0) > 90


def test_the_ceiling_is_never_exceeded() -> None:
    known = after_rate_limit(AdaptiveRate(), NOW, 40, LastMinute(90, NOW - MINUTE, NOW), None)
    assert all((known.rate_at(NOW + n * MINUTE, 40) or 0) <= 40 for n in range(120))


def test_a_rest_is_followed_by_a_slow_start() -> None:
    known = after_rate_limit(
        AdaptiveRate(), NOW, None, LastMinute(100, NOW - MINUTE, NOW), timedelta(seconds=20)
    )
    assert known.resumed == NOW + timedelta(seconds=20)
    begin = known.rate_at(known.resumed, None) or 0
    later = known.rate_at(known.resumed + timedelta(seconds=15), None) or 0
    assert begin == pytest.approx(later / 2, rel=0.05)


def test_a_channel_that_was_idle_begins_slowly() -> None:
    known = after_rate_limit(AdaptiveRate(), NOW, None, LastMinute(100, NOW - MINUTE, NOW), None)
    at = NOW + 9 * MINUTE
    woken = known.after_idle(at, last_start=NOW + MINUTE)
    assert known.after_idle(at, last_start=at - MINUTE) == known
    assert (woken.rate_at(at, None) or 0) == pytest.approx((known.rate_at(at, None) or 0) / 2)
    assert woken.rate_at(at + MINUTE, None) == known.rate_at(at + MINUTE, None)


def test_a_limit_that_the_provider_names_is_not_exceeded() -> None:
    known = AdaptiveRate(told=12.0)
    assert known.rate_at(NOW, None) == 12
    assert known.rate_at(NOW, 5) == 5


def test_refusals_of_calls_that_were_under_way_are_one_refusal() -> None:
    last = LastMinute(30, NOW - MINUTE / 2, NOW)
    once = after_rate_limit(AdaptiveRate(), NOW, None, last, timedelta(seconds=10))
    twice = after_rate_limit(once, NOW + timedelta(seconds=1), None, last, timedelta(seconds=10))
    assert twice.rate == once.rate
    assert twice.resumed == NOW + timedelta(seconds=11)


def test_refusals_in_vain_rest_longer_and_longer() -> None:
    known, now, rests = AdaptiveRate(), NOW, []
    for _ in range(4):
        known = after_rate_limit(known, now, None, LastMinute(), None)
        rests.append(known.rest)
        now = known.resumed or now
    assert rests == sorted(rests)
    assert rests[-1] >= 4 * rests[0]


def test_a_short_wait_after_a_few_quick_calls_tells_of_a_short_window() -> None:
    last = LastMinute(10, NOW - timedelta(seconds=1), NOW)
    short = after_rate_limit(AdaptiveRate(), NOW, None, last, timedelta(seconds=1))
    long = after_rate_limit(AdaptiveRate(), NOW, None, last, timedelta(seconds=59))
    assert short.rate == pytest.approx(0.94 * 300)
    assert long.rate == pytest.approx(10)


def test_an_overload_of_the_provider_is_rested_from_and_only_its_return_lowers_the_rate() -> None:
    known = after_overload(AdaptiveRate(), NOW, LastMinute(), None)
    assert known is not None
    assert (known.rate, known.resumed) == (None, NOW + timedelta(seconds=5))
    later = NOW + timedelta(seconds=30)
    assert after_overload(known, later, LastMinute(9, NOW, later), None) is None
    assert (
        after_overload(known, NOW + 2 * MINUTE, LastMinute(9, NOW + MINUTE, NOW + 2 * MINUTE), None)
        is not None
    )


def test_an_overload_that_lasts_is_rested_from_longer_and_longer_and_teaches_no_rate() -> None:
    known, now, rests = AdaptiveRate(), NOW, list[float]()
    before = LastMinute(600, NOW - MINUTE, NOW)
    for _ in range(9):
        known = after_overload(known, now, before, None) or AdaptiveRate(rate=1)
        snapshot = after_overload(known, now + timedelta(seconds=1), before, None)
        assert snapshot is not None
        assert snapshot.refusals == known.refusals
        assert known.rate is None
        assert known.resumed is not None
        rests.append(known.rest)
        now = known.resumed
    assert rests[:4] == [5, 10, 20, 40]
    assert rests[-1] == 600


def test_refusals_in_vain_do_not_lower_what_was_learned() -> None:
    known = after_rate_limit(
        AdaptiveRate(), NOW, None, LastMinute(100, NOW - MINUTE, NOW), timedelta(seconds=2)
    )
    assert known.resumed is not None
    again = after_rate_limit(
        known, known.resumed, None, LastMinute(100, NOW - MINUTE, NOW), timedelta(seconds=2)
    )
    assert again.rate == known.rate


def test_too_many_calls_in_flight_lower_the_concurrency_and_it_comes_back() -> None:
    known = after_concurrency_limit(AdaptiveRate(), NOW, 9)
    assert known.concurrency_at(NOW, 16) == 8
    assert known.concurrency_at(NOW + 3 * MINUTE, 16) == 11
    assert known.concurrency_at(NOW + 60 * MINUTE, 16) == 16


def test_what_was_learned_survives_being_written_down() -> None:
    known = after_concurrency_limit(
        after_rate_limit(AdaptiveRate(), NOW, None, LastMinute(30, NOW, NOW), None), NOW, 4
    )
    assert AdaptiveRate.from_json(known.to_json()) == known
    assert AdaptiveRate.from_json(None) == AdaptiveRate()
