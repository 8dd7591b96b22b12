"""Against a provider with a hidden limit, in simulated time."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from models.queries.attempts import SentCall
from worker.scheduler.adaptive_rate import (
    HISTORY,
    AdaptiveRate,
    after_concurrency_limit,
    after_named_limit,
    after_overload,
    after_rate_limit,
)
from worker.scheduler.rate_limiter import GcraLimit, Rate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEFORE = NOW - HISTORY


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
    history: deque[SentCall] = deque()
    while now < NOW + timedelta(minutes=minutes):
        rate = known.rate_at(now, ceiling) or unlimited
        limit.rate = Rate(rate)
        now = limit.earliest(1, now)
        limit.take(now, 1)
        wait = provider.call(now)
        calls.append((now, wait is None))
        history.append(SentCall(now, wait is not None))
        if wait is None:
            continue
        while history[0].sent_at <= now - HISTORY:
            history.popleft()
        known, until, _ = after_rate_limit(
            known, now, ceiling, list(history), wait if provider.says_when else None
        )
        now = max(now, until)
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


def spread(count: int, *, until: datetime = NOW, over: timedelta = MINUTE) -> list[SentCall]:
    """Return accepted calls, spread evenly, the last one just before ``until``."""
    return [SentCall(until - over * (count - n) / (count + 1), refused=False) for n in range(count)]


def refused(*moments: datetime) -> list[SentCall]:
    return [SentCall(at, refused=True) for at in moments]


def met(
    calls: list[SentCall],
    retry_after: timedelta | None = None,
    *,
    known: AdaptiveRate | None = None,
    ceiling: float | None = None,
    at: datetime = NOW,
) -> AdaptiveRate:
    """Return what is known after a limit was met: three calls are refused, one after the other."""
    calls = [*calls, *refused(at, at, at)]
    after = after_rate_limit(known or AdaptiveRate(), at, ceiling, calls, retry_after)
    assert after.limited
    return after.rate


def test_the_first_refusal_alone_teaches_no_rate_and_is_rested_from_for_a_moment() -> None:
    after = after_rate_limit(AdaptiveRate(), NOW, None, [*spread(30), *refused(NOW)], None)
    assert (after.rate.rate, after.limited, after.until) == (None, False, NOW + timedelta(seconds=1))


def test_the_first_refusal_teaches_a_rate_if_it_asks_for_a_clear_wait() -> None:
    wait = timedelta(seconds=20)
    after = after_rate_limit(AdaptiveRate(), NOW, None, [*spread(100), *refused(NOW)], wait)
    assert (after.rate.rate, after.until) == (pytest.approx(94), NOW + wait)


def test_refusals_one_after_the_other_teach_a_rate_below_what_was_accepted() -> None:
    known = met(spread(100))
    assert known.rate == pytest.approx(94)
    assert known.resumed is not None


def test_a_refusal_by_chance_lowers_no_rate_and_the_next_one_neither() -> None:
    """At fewer calls than were accepted in the minute before, 30 calls apart."""
    known = replace(met(spread(60, until=BEFORE), at=BEFORE), rest=1.0)
    before = spread(60, until=NOW - 2 * MINUTE) + spread(50, until=NOW - MINUTE)
    calls = [*before, *refused(NOW - MINUTE), *spread(30), *refused(NOW)]
    after = after_rate_limit(known, NOW, None, calls, None)
    assert not after.limited
    assert after.rate.rate_at(NOW, None) == known.rate_at(NOW, None)
    assert after.rate.spacing < known.spacing


def test_a_refusal_at_the_most_that_was_accepted_in_a_minute_is_the_limit() -> None:
    known = replace(met(spread(60, until=BEFORE), at=BEFORE), rest=1.0)
    calls = [*spread(50, until=NOW - 2 * MINUTE), *spread(58), *refused(NOW)]
    after = after_rate_limit(known, NOW, None, calls, None)
    assert after.limited
    assert after.rate.rate is not None
    assert after.rate.rate <= 0.94 * 58


def test_a_rest_within_the_minute_does_not_lower_the_rate_that_is_learned() -> None:
    """Half the minute was a cool-down: 30 calls in the other half are 60 a minute."""
    resumed = NOW - timedelta(seconds=30)
    known = AdaptiveRate(rate=60.0, resumed=resumed, rest=30.0, refusals=1)
    calls = [*spread(28, over=timedelta(seconds=30)), *refused(NOW, NOW, NOW)]
    after = after_rate_limit(known, NOW, None, calls, None)
    assert after.limited
    assert after.rate.rate == pytest.approx(0.94 * 56, rel=0.03)


def test_a_limit_that_was_lifted_is_found_again_within_half_an_hour() -> None:
    known = met(spread(30), timedelta(seconds=5))
    assert known.rate_at(NOW + 6 * MINUTE, None) == pytest.approx(30, rel=0.05)
    assert (known.rate_at(NOW + 30 * MINUTE, None) or 0) > 90


def test_the_ceiling_is_never_exceeded() -> None:
    known = met(spread(90), ceiling=40)
    assert all((known.rate_at(NOW + n * MINUTE, 40) or 0) <= 40 for n in range(120))


def test_a_rest_is_followed_by_a_slow_start() -> None:
    known = met(spread(100), timedelta(seconds=20))
    assert known.resumed == NOW + timedelta(seconds=20)
    begin = known.rate_at(known.resumed, None) or 0
    later = known.rate_at(known.resumed + timedelta(seconds=15), None) or 0
    assert begin == pytest.approx(later / 2, rel=0.05)


def test_a_channel_that_was_idle_begins_slowly_and_has_not_grown_meanwhile() -> None:
    known = met(spread(100))
    last, at = NOW + 2 * MINUTE, NOW + 9 * MINUTE
    woken = known.after_idle(at, last_start=last)
    assert known.after_idle(at, last_start=at - MINUTE) == known
    assert (woken.rate_at(at, None) or 0) == pytest.approx((known.rate_at(last, None) or 0) / 2)
    assert woken.rate_at(at + MINUTE, None) == known.rate_at(last + MINUTE, None)


def test_a_limit_that_the_provider_names_holds_for_an_hour_and_then_grows() -> None:
    known = after_named_limit(AdaptiveRate(), NOW, 12)
    assert known.rate_at(NOW, None) == 12
    assert known.rate_at(NOW, 5) == 5
    assert known.rate_at(NOW + 60 * MINUTE, None) == 12
    assert 13 < (known.rate_at(NOW + 75 * MINUTE, None) or 0) < 20
    assert (known.rate_at(NOW + 4 * 60 * MINUTE, None) or 0) > 600


def test_refusals_of_calls_that_were_under_way_are_one_refusal() -> None:
    once = met(spread(30), timedelta(seconds=10))
    twice = after_rate_limit(once, NOW + timedelta(seconds=1), None, [], timedelta(seconds=10))
    assert twice.rate.rate == once.rate
    assert twice.until == NOW + timedelta(seconds=11)


def test_refusals_in_vain_rest_longer_and_longer() -> None:
    known, rests = met(spread(10)), []
    for _ in range(4):
        now = known.resumed or NOW
        known = after_rate_limit(known, now, None, refused(now), None).rate
        rests.append(known.rest)
    assert rests == sorted(rests)
    assert rests[-1] >= 4 * rests[0]


def test_a_short_wait_after_a_few_quick_calls_tells_of_a_short_window() -> None:
    quick = spread(10, over=timedelta(seconds=1.1))
    assert met(quick, timedelta(seconds=1)).rate == pytest.approx(0.94 * 300, rel=0.02)
    assert met(quick, timedelta(seconds=59)).rate == pytest.approx(10)


def test_an_overload_of_the_provider_is_rested_from_and_only_its_return_lowers_the_rate() -> None:
    after = after_overload(AdaptiveRate(), NOW, refused(NOW), None)
    assert after is not None
    known = after.rate
    assert (known.rate, known.resumed) == (None, NOW + timedelta(seconds=5))
    later = NOW + timedelta(seconds=30)
    assert after_overload(known, later, [SentCall(later, refused=False)], None) is None
    much_later = NOW + 2 * MINUTE
    assert after_overload(known, much_later, [SentCall(later, refused=False)], None) is not None


def test_an_overload_that_lasts_is_rested_from_longer_and_longer_and_teaches_no_rate() -> None:
    known, now, rests = AdaptiveRate(), NOW, list[float]()
    before = spread(600)
    for _ in range(9):
        after = after_overload(known, now, before, None)
        assert after is not None
        known = after.rate
        snapshot = after_overload(known, now + timedelta(seconds=1), before, None)
        assert snapshot is not None
        assert snapshot.rate.refusals == known.refusals
        assert known.rate is None
        assert known.resumed is not None
        rests.append(known.rest)
        now = known.resumed
    assert rests[:4] == [5, 10, 20, 40]
    assert rests[-1] == 600


def test_refusals_in_vain_do_not_lower_what_was_learned() -> None:
    known = met(spread(100), timedelta(seconds=2))
    assert known.resumed is not None
    again = after_rate_limit(known, known.resumed, None, refused(known.resumed), timedelta(seconds=2))
    assert again.rate.rate == known.rate


def test_too_many_calls_in_flight_lower_the_concurrency_and_it_comes_back() -> None:
    known = after_concurrency_limit(AdaptiveRate(), NOW, 9)
    assert known.concurrency_at(NOW, 16) == 8
    assert known.concurrency_at(NOW + 3 * MINUTE, 16) == 11
    assert known.concurrency_at(NOW + 60 * MINUTE, 16) == 16


def test_what_was_learned_survives_being_written_down() -> None:
    known = after_concurrency_limit(met(spread(30)), NOW, 4)
    assert AdaptiveRate.from_json(known.to_json()) == known
    assert AdaptiveRate.from_json(None) == AdaptiveRate()
