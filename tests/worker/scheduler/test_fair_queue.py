from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.queries.scheduling.due_jobs import Candidate
from worker.scheduler.channel_capacity import ChannelCapacity, InFlight, closed_reason
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.scheduler.fair_queue import CallerShare, DispatchRound, Start, order_jobs
from worker.scheduler.rate_limiter import RateLimiter, named_limits

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, AGEING = timedelta(seconds=1), timedelta(minutes=10)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def row(number: int = 100, **values: Any) -> Any:
    defaults = {
        **{"id": UUID(int=number), "name": f"channel-{number}", "configured": True, "models": ["*"]},
        **{
            "rpm": None,
            "concurrency": 1000,
            "tier": 0,
            "weight": 1.0,
            "limits": {},
            "pace": {},
            "images_per_call": None,
        },
        **{
            "learned": {"woken": (NOW - 3600 * SECOND).isoformat()},
            "breakers": {},
            "blocked_models": {},
            "learned_models": {},
        },
        **{
            "next_start_at": None,
            "paused_at": None,
            "paused_until": None,
            "paused_reason": None,
            "tripped_at": None,
        },
        **{"tripped_reason": None, "draining_at": None, "cooldown_until": None, "cooldown_reason": None},
    }
    return SimpleNamespace(**{**defaults, **values})


def capacity(number: int = 100, in_flight: dict[str, int] | None = None, **values: Any) -> ChannelCapacity:
    return ChannelCapacity(row(number, **values), InFlight(in_flight or {}), NOW)


def share(key: UUID, limits: dict[str, Any] | None = None, **values: Any) -> CallerShare:
    return CallerShare(key, RateLimiter(named_limits("", limits or {}, {})), **values)


def jobs(caller: UUID, count: int, *, first: int = 0, **values: Any) -> list[Candidate]:
    defaults: dict[str, Any] = {"model": "m", "priority": 5, "campaign": "", "due_at": NOW}
    return [
        Candidate(UUID(int=caller.int * 10**6 + first + n), caller, **{**defaults, **values})
        for n in range(count)
    ]


def assign_starts(
    callers: list[CallerShare], channels: list[ChannelCapacity], candidates: list[Candidate], slots: int = 100
) -> list[Start]:
    return DispatchRound(callers, channels, NOW, slots).assign(candidates, AGEING)


def served(starts: list[Start]) -> Counter[UUID]:
    return Counter(start.job.caller_id for start in starts)


def test_callers_are_served_in_turn() -> None:
    starts = assign_starts([share(A), share(B)], [capacity()], jobs(A, 50) + jobs(B, 3), slots=6)
    assert [start.job.caller_id for start in starts] == [A, B, A, B, A, B]


def test_a_weight_is_a_share() -> None:
    starts = assign_starts([share(A, weight=3), share(B)], [capacity()], jobs(A, 50) + jobs(B, 50), slots=40)
    assert served(starts) == {A: 30, B: 10}


def test_shares_hold_over_rounds_that_have_one_opening_each() -> None:
    callers, total = [share(A, weight=2), share(B), share(C, weight=0.5)], Counter[UUID]()
    for _ in range(70):
        total += served(assign_starts(callers, [capacity()], jobs(A, 9) + jobs(B, 9) + jobs(C, 9), slots=1))
    assert total[A] == pytest.approx(40, abs=2)
    assert total[B] == pytest.approx(20, abs=2)
    assert total[C] == pytest.approx(10, abs=2)


def test_who_could_not_start_keeps_its_turn() -> None:
    callers = [share(A), share(B)]
    assign_starts(callers, [capacity(models=["other"])], jobs(A, 5), slots=5)
    assert (callers[0].deficit, callers[0].turn) == (0, 0)


def test_higher_priority_goes_first_within_a_caller_only() -> None:
    urgent, usual = jobs(A, 2, first=10, priority=9), jobs(A, 2)
    starts = assign_starts([share(A), share(B)], [capacity()], usual + urgent + jobs(B, 4), slots=6)
    assert [start.job for start in starts if start.job.caller_id == A][:2] == urgent
    assert served(starts)[B] == 3


def test_waiting_raises_a_priority_to_the_highest_that_waits_and_never_above() -> None:
    old = jobs(A, 10, priority=0, due_at=NOW - 100 * AGEING)
    urgent = jobs(A, 10, first=100, priority=9)
    order = order_jobs(old + urgent, ("", 0), NOW, AGEING)
    assert Counter(job.priority for job in order[:10]) == {0: 5, 9: 5}


def test_a_low_priority_waits_while_it_is_young() -> None:
    young, urgent = jobs(A, 3, priority=0), jobs(A, 3, first=100, priority=9)
    assert order_jobs(young + urgent, ("", 0), NOW, AGEING) == urgent + young


def test_campaigns_of_one_caller_are_served_in_turn_however_old_they_are() -> None:
    big = jobs(A, 20, campaign="big", due_at=NOW - timedelta(hours=9))
    small = jobs(A, 2, first=50, campaign="small")
    starts = assign_starts([share(A)], [capacity()], big + small, slots=4)
    assert Counter(start.job.campaign for start in starts) == {"big": 2, "small": 2}


def test_the_turn_of_campaigns_goes_on_in_the_next_round() -> None:
    me, total = share(A), Counter[str]()
    for _ in range(9):
        candidates = [job for n, name in enumerate("xyz") for job in jobs(A, 3, first=n * 10, campaign=name)]
        total += Counter(
            start.job.campaign for start in assign_starts([me], [capacity()], candidates, slots=1)
        )
    assert total == {"x": 3, "y": 3, "z": 3}


def test_a_callers_own_limits_hold_and_others_go_on() -> None:
    starts = assign_starts(
        [share(A, headroom=2), share(B, {"rpm": 60})], [capacity()], jobs(A, 9) + jobs(B, 9) + jobs(C, 9)
    )
    assert served(starts) == {A: 2, B: 1}
    starts = assign_starts([share(A, headroom=2), share(C)], [capacity()], jobs(A, 9) + jobs(C, 9))
    assert served(starts) == {A: 2, C: 9}


def test_jobs_go_to_the_first_tier_and_flow_over_to_the_next() -> None:
    first, second = capacity(1, concurrency=2), capacity(2, tier=1)
    starts = assign_starts([share(A)], [second, first], jobs(A, 5))
    assert Counter(start.channel.int for start in starts) == {1: 2, 2: 3}


def test_weights_share_work_between_channels_of_one_tier() -> None:
    starts = assign_starts([share(A)], [capacity(1, weight=3.0), capacity(2)], jobs(A, 40))
    assert Counter(start.channel.int for start in starts) == {1: 30, 2: 10}


def test_a_failed_call_prefers_another_channel_and_takes_the_same_if_there_is_none() -> None:
    again = jobs(A, 1, avoid=UUID(int=1))
    assert assign_starts([share(A)], [capacity(1), capacity(2, tier=5)], again)[0].channel.int == 2
    assert assign_starts([share(A)], [capacity(1)], again)[0].channel.int == 1


def test_limits_of_a_model_hold_beside_those_of_the_channel() -> None:
    limits = {"m": {"concurrency": 3}, "n": {"rpm": 60}}
    both = jobs(A, 9) + jobs(A, 9, first=100, model="n")
    starts = assign_starts([share(A)], [capacity(limits=limits, in_flight={"m": 1})], both)
    assert Counter(start.job.model for start in starts) == {"m": 2, "n": 1}


def test_pictures_per_minute_count_what_a_call_asks_for_and_are_spread() -> None:
    starts = assign_starts([share(A)], [capacity(limits={"": {"ipm": 60}})], jobs(A, 9, images=4))
    assert [start.at for start in starts] == [NOW, NOW + SECOND]  # calls may be three seconds early


def test_a_channel_without_a_known_rate_begins_slowly_when_new_and_after_idling() -> None:
    channel = row(learned=None, concurrency=200)

    def begun(seconds: float, in_flight: int = 0) -> int:
        now = NOW + seconds * SECOND
        place = ChannelCapacity(channel, InFlight({"m": in_flight}), now)
        starts = DispatchRound([share(A)], [place], now, 300).assign(jobs(A, 250, due_at=now), AGEING)
        changes = place.changes()
        channel.pace, channel.learned = changes["pace"], changes.get("learned", channel.learned)
        return len(starts)

    assert [begun(0), begun(1, 10), begun(2.5, 40), begun(5, 100)] == [10, 30, 60, 100]
    assert begun(100) == 200
    assert begun(100 + 121) == 10


@pytest.mark.parametrize("learned", [None, {"woken": (NOW - 180 * SECOND).isoformat()}])
def test_a_channel_whose_calls_take_minutes_is_not_idle_while_they_are_under_way(
    learned: dict[str, Any] | None,
) -> None:
    long_ago = {"started": (NOW - 170 * SECOND).isoformat()}
    busy = capacity(learned=learned, concurrency=200, pace=long_ago, in_flight={"m": 190})
    assert len(assign_starts([share(A)], [busy], jobs(A, 50))) == 10


def test_a_channel_with_a_rate_begins_at_its_rate() -> None:
    starts = assign_starts(
        [share(A)], [capacity(learned=None, rpm=60, limits={"": {"burst": 20}})], jobs(A, 50)
    )
    assert len([start for start in starts if start.at == NOW]) == 20


def test_an_open_breaker_starts_nothing_and_a_half_open_one_a_single_probe() -> None:
    breaker = CircuitBreaker(5, NOW, NOW + SECOND, None, "HTTP 500").to_json()
    assert assign_starts([share(A)], [capacity(breakers={"": breaker})], jobs(A, 5)) == []
    ready = CircuitBreaker(5, NOW - 60 * SECOND, NOW - SECOND, None, "HTTP 500").to_json()
    half_open = capacity(breakers={"": ready})
    assert len(assign_starts([share(A)], [half_open], jobs(A, 5))) == 1
    assert CircuitBreaker.from_json(half_open.changes()["breakers"][""]).probed == NOW


def test_a_breaker_of_one_model_leaves_the_others_alone() -> None:
    breaker = CircuitBreaker(5, NOW, NOW + SECOND, None, "HTTP 500").to_json()
    both = jobs(A, 2) + jobs(A, 2, first=10, model="n")
    starts = assign_starts([share(A)], [capacity(breakers={"m": breaker})], both)
    assert [start.job.model for start in starts] == ["n", "n"]


def test_a_blocked_model_goes_elsewhere() -> None:
    starts = assign_starts(
        [share(A)], [capacity(1, blocked_models={"m": "no access"}), capacity(2, tier=3)], jobs(A, 2)
    )
    assert {start.channel.int for start in starts} == {2}


def test_starts_under_a_rate_limit_are_spread_and_promised_for_a_second_at_most() -> None:
    starts = assign_starts([share(A)], [capacity(rpm=600)], jobs(A, 50))
    assert 9 <= len(starts) <= 11
    assert max(start.at for start in starts) <= NOW + SECOND


def test_starts_under_a_limit_per_second_leave_time_to_reach_the_worker() -> None:
    starts = assign_starts([share(A)], [capacity(limits={"": {"rps": 20}})], jobs(A, 50))
    assert min(start.at for start in starts) >= NOW + SECOND / 4
    assert 12 <= len(starts) <= 16


@pytest.mark.parametrize("stop", ["paused_at", "tripped_at", "draining_at"])
def test_a_stopped_channel_is_closed(stop: str) -> None:
    assert closed_reason(row(**{stop: NOW}), "", NOW)
    assert not closed_reason(row(), "", NOW)


def test_a_cooling_channel_is_closed_until_it_is_over() -> None:
    cooling = row(cooldown_until=NOW + SECOND)
    assert closed_reason(cooling, "", NOW)
    assert not closed_reason(cooling, "", NOW + SECOND)


@given(
    rpm=st.integers(1, 1200),
    pauses=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 60)), min_size=1, max_size=40),
)
def test_no_minute_holds_more_starts_than_a_channels_limit_over_any_rounds(
    rpm: int, pauses: list[tuple[float, int]]
) -> None:
    channel, now, starts = row(rpm=rpm), NOW, list[datetime]()
    for pause, slots in pauses:
        now += timedelta(seconds=pause)
        one = ChannelCapacity(channel, InFlight(), now)
        starts += [
            start.at for start in DispatchRound([share(A)], [one], now, slots).assign(jobs(A, slots), AGEING)
        ]
        for name, value in one.changes().items():
            setattr(channel, name, value)
    for start in starts:
        assert len([at for at in starts if start <= at < start + timedelta(minutes=1)]) <= rpm
