from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.scheduler.rate_limiter import (
    CLOCK_SKEW,
    DailyQuota,
    GcraLimit,
    Rate,
    RateLimiter,
    SlidingWindow,
    calls_per_minute,
    named_limits,
    slack_of,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
looks = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 8), st.floats(0, 1)), min_size=1, max_size=80)


def most_in_a_window(starts: list[tuple[datetime, int]], window: timedelta) -> int:
    return max(sum(cost for other, cost in starts if start <= other < start + window) for start, _ in starts)


@given(rpm=st.integers(1, 600), burst=st.integers(1, 30), context=looks)
def test_no_minute_holds_more_calls_than_the_limit_even_if_calls_leave_late(
    rpm: int, burst: int, context: list[tuple[float, int, float]]
) -> None:
    limits = {"rpm": rpm, "burst": burst}
    limiter, slack, now, left = RateLimiter(named_limits("", limits, {})), slack_of(limits), NOW, []
    assert slack is not None
    for pause, count, lateness in context:
        now += timedelta(seconds=pause)
        for _ in range(count):
            start = limiter.next_start(1, now)
            limiter.take(start, 1)
            left.append((start + slack * lateness * 0.99, 1))
    assert most_in_a_window(left, timedelta(minutes=1)) <= rpm


@given(rpm=st.sampled_from([1, 7, 60, 600, 6000]))
def test_at_least_97_percent_of_a_rate_is_used_while_work_waits(rpm: int) -> None:
    limit, start = GcraLimit(Rate(rpm)), NOW
    for _ in range(rpm * 3):
        start = limit.earliest(1, start)
        limit.take(start, 1)
    assert (start - NOW).total_seconds() <= 180 / 0.97


@given(ipm=st.integers(1, 60), context=looks)
def test_no_minute_holds_more_pictures_than_the_limit_unless_one_call_alone_asks_for_more(
    ipm: int, context: list[tuple[float, int, float]]
) -> None:
    limit, now, left = SlidingWindow(ipm), NOW, []
    for pause, pictures, lateness in context:
        now += timedelta(seconds=pause)
        start = now = limit.earliest(pictures, now)
        limit.take(start, pictures)
        left.append((start + SlidingWindow.SLACK * (0.99 * lateness), pictures))
    assert most_in_a_window(left, timedelta(minutes=1)) <= max(ipm, *(pictures for _, pictures, _ in context))


def test_distances_that_are_no_whole_microseconds_do_not_add_up_to_a_call_too_many() -> None:
    limit, rate = GcraLimit(Rate(120)), Rate(120)
    starts = [NOW]
    limit.take(NOW, 1)
    for _ in range(120):
        starts.append(limit.earliest(1, NOW))
        limit.take(starts[-1], 1)
    assert starts[-1] - (starts[0] + rate.slack) >= timedelta(minutes=1)


def test_a_call_for_many_pictures_that_starts_later_lets_no_smaller_one_in_before() -> None:
    limit, begun = SlidingWindow(10), NOW - timedelta(seconds=60)
    for seconds in (0, 1):
        limit.take(begun + timedelta(seconds=seconds), 5)
    later = limit.earliest(6, NOW)
    limit.take(later, 6)
    assert later > NOW
    assert limit.earliest(4, NOW) >= begun + timedelta(seconds=61)
    assert limit.earliest(5, NOW) >= later


def test_beside_a_start_that_is_kept_free_whatever_does_not_put_it_off_may_start() -> None:
    limit = SlidingWindow(20)
    limit.take(NOW - timedelta(seconds=50), 8)
    limit.take(NOW - timedelta(seconds=20), 5)
    kept = limit.earliest(8, NOW)
    limit.reserve(8, NOW)
    assert NOW + timedelta(seconds=10) < kept < NOW + timedelta(seconds=12)
    assert limit.earliest(7, NOW) == NOW
    limit.take(NOW, 7)
    assert limit.earliest(1, NOW) > kept
    limit.reserve(0, NOW)
    assert limit.earliest(8, NOW) == kept


@given(
    context=st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 8), st.integers(0, 9)), min_size=1, max_size=60
    )
)
def test_no_minute_holds_more_pictures_than_the_limit_whatever_is_kept_free(
    context: list[tuple[float, int, int]],
) -> None:
    limit, now, left = SlidingWindow(10), NOW, []
    for pause, pictures, kept in context:
        now += timedelta(seconds=pause)
        limit = SlidingWindow(10, limit.state())
        if kept and (soonest := limit.earliest(kept, now)) > now:
            limit.reserve(kept, now)
        start = limit.earliest(pictures, now)
        if start <= now + timedelta(seconds=1):
            limit.take(start, pictures)
            left.append((start, pictures))
            limit.reserve(0, now)
            assert not kept or limit.earliest(kept, now) <= max(soonest, now) or start >= soonest
    assert most_in_a_window(left, timedelta(minutes=1)) <= 10


def test_a_day_that_is_used_up_waits_for_midnight() -> None:
    limit = DailyQuota(2)
    for _ in range(2):
        assert limit.earliest(1, NOW) == NOW
        limit.take(NOW, 1)
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    assert limit.earliest(1, NOW) == midnight
    assert limit.earliest(1, midnight) == midnight


def test_a_start_that_is_promised_for_the_next_day_opens_no_used_up_day() -> None:
    limit, late = DailyQuota(2), datetime(2026, 1, 1, 23, 59, 59, 500_000, tzinfo=UTC)
    starts = []
    for _ in range(5):
        starts.append(limit.earliest(1, late))
        limit.take(starts[-1], 1)
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    assert starts == [late, late, midnight, midnight, midnight + timedelta(days=1)]


@given(
    rpd=st.integers(1, 5),
    context=st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 4)), min_size=1, max_size=12),
)
def test_no_day_holds_more_calls_than_its_quota_however_close_to_midnight(
    rpd: int, context: list[tuple[float, int]]
) -> None:
    """As the gate does it: starts are promised for a second ahead."""
    state, now, starts = None, datetime(2026, 1, 1, 23, 59, 58, tzinfo=UTC), list[datetime]()
    for pause, count in context:
        now, limit = now + timedelta(seconds=pause), DailyQuota(rpd, state)
        for _ in range(count):
            if (start := limit.earliest(1, now)) <= now + timedelta(seconds=1):
                limit.take(start, 1)
                starts.append(start)
        state = limit.state()
    assert max(Counter(start.date() for start in starts).values()) <= rpd


@pytest.mark.parametrize("burst", [3, 30, 60])
def test_a_burst_starts_at_once_and_the_limit_is_used_nevertheless(burst: int) -> None:
    limiter, starts = RateLimiter(named_limits("", {"rpm": 60, "burst": burst}, {})), [NOW]
    limiter.take(NOW, 1)
    while starts[-1] < NOW + timedelta(minutes=10):
        starts.append(limiter.next_start(1, starts[-1]))
        limiter.take(starts[-1], 1)
    assert starts[burst - 1] == NOW < starts[burst]
    assert len(starts) >= 600 * 0.97


@given(context=looks)
def test_meters_go_on_where_their_kept_state_says(context: list[tuple[float, int, float]]) -> None:
    limits = {"rpm": 30, "burst": 4, "rps": 2, "ipm": 40, "rpd": 25}
    kept, forgetful, now = (
        RateLimiter(named_limits("", limits, {})),
        RateLimiter(named_limits("", limits, {})),
        NOW,
    )
    for pause, pictures, _ in context:
        now += timedelta(seconds=pause)
        forgetful = RateLimiter(named_limits("", limits, forgetful.state()))
        start = kept.next_start(pictures, now)
        assert forgetful.next_start(pictures, now) == start
        if start - now < CLOCK_SKEW:  # a stored start further ahead counts as impossible
            for limiter in (kept, forgetful):
                limiter.take(start, pictures)


def test_the_meter_that_hinders_is_named() -> None:
    limiter = RateLimiter(named_limits("", {"rpm": 60, "rpd": 1}, {}))
    assert limiter.binding_limit(1, NOW) is None
    limiter.take(NOW, 1)
    assert limiter.binding_limit(1, NOW) == "rpd"


def test_a_burst_on_a_channel_without_a_limit_leaves_the_rate_that_was_learned_even() -> None:
    limiter, starts = RateLimiter(calls_per_minute("", {"rpm": None, "burst": 5}, 30, None, {})), []
    for _ in range(3):
        starts.append(limiter.next_start(1, NOW))
        limiter.take(starts[-1], 1)
    assert starts[0] == NOW < starts[1] < starts[2]


YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    "limits",
    [{"rpm": 60}, {"rps": 1}, {"ipm": 60}, {"rpd": 9}, {"rpm": 60, "burst": 9}],
    ids=lambda limits: "-".join(limits),
)
def test_a_state_that_a_clock_a_year_ahead_has_written_shuts_nothing(limits: dict[str, Any]) -> None:
    ahead = RateLimiter(named_limits("", limits, {}))
    ahead.take(NOW + YEAR, 1)
    limiter = RateLimiter(named_limits("", limits, ahead.state()))
    for each in limiter.limits:
        if isinstance(each.limit, DailyQuota):
            assert each.limit.needs_recount(NOW)  # today's calls are counted anew
            each.limit.recount(3, NOW)
    assert limiter.next_start(1, NOW) == NOW
    limiter.take(NOW, 1)
    assert NOW < limiter.next_start(1, NOW + timedelta(microseconds=1)) < NOW + timedelta(minutes=2)


def test_a_state_that_is_possible_is_kept() -> None:
    slow = GcraLimit(Rate(0.1))
    slow.take(NOW, 1)
    again = GcraLimit(Rate(0.1), slow.state())
    assert again.earliest(1, NOW) == NOW + slow.rate.interval
