from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from models.queries.lanes import Lane
from worker.dispatch.gate import closed, in_turn, interleave, lanes_for, openings, share

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def channel(**values: Any) -> Any:
    defaults = {
        "configured": True,
        "models": ["*"],
        "rpm": None,
        "concurrency": 10,
        "next_start_at": None,
        "paused_at": None,
        "tripped_at": None,
        "cooldown_until": None,
        "blocked_models": {},
        "turn": None,
    }
    return SimpleNamespace(**{**defaults, **values})


def test_without_a_rate_limit_everything_that_fits_starts_now() -> None:
    assert openings(channel(), in_flight=4, slots=100, now=NOW).starts == (NOW,) * 6


def test_a_worker_gets_no_more_than_its_free_slots() -> None:
    assert len(openings(channel(), in_flight=0, slots=3, now=NOW).starts) == 3


def test_more_calls_in_flight_than_allowed_open_nothing() -> None:
    assert openings(channel(concurrency=2), in_flight=5, slots=10, now=NOW).starts == ()


def test_a_rate_limit_spreads_starts_evenly_within_the_horizon() -> None:
    starts = openings(channel(rpm=60), in_flight=0, slots=10, now=NOW).starts
    assert starts == tuple(NOW + timedelta(seconds=second) for second in range(3))


def test_the_rate_limit_goes_on_where_it_was_left() -> None:
    opened = openings(
        channel(rpm=60, next_start_at=NOW + timedelta(seconds=1.5)), in_flight=0, slots=9, now=NOW
    )
    assert opened.starts == (NOW + timedelta(seconds=1.5),)
    assert opened.state_after(1, None) == NOW + timedelta(seconds=2.5)


def test_openings_that_are_not_taken_do_not_move_the_limit() -> None:
    opened = openings(channel(rpm=60), in_flight=0, slots=9, now=NOW)
    assert opened.state_after(0, NOW) == NOW


@given(
    rpm=st.floats(0.5, 5000),
    looks=st.lists(st.tuples(st.floats(0, 10), st.integers(0, 40)), min_size=1, max_size=60),
)
def test_no_window_of_sixty_seconds_holds_more_than_the_limit(
    rpm: float, looks: list[tuple[float, int]]
) -> None:
    row, now = channel(rpm=rpm, concurrency=10_000), NOW
    starts: list[datetime] = []
    for pause, slots in looks:
        now += timedelta(seconds=pause)
        opened = openings(row, in_flight=0, slots=slots, now=now)
        starts += opened.starts
        row.next_start_at = opened.state_after(len(opened.starts), row.next_start_at)
    for index, start in enumerate(starts):
        window = [
            other
            for other in starts[index:]
            if other < start + timedelta(seconds=60) - timedelta(microseconds=9)
        ]
        assert len(window) <= max(1, -(-rpm // 1))


def test_a_channel_is_closed_while_paused_tripped_cooling_or_no_longer_configured() -> None:
    later = NOW + timedelta(seconds=1)
    assert not closed(channel(cooldown_until=NOW), NOW)
    for shut in ({"paused_at": NOW}, {"tripped_at": NOW}, {"cooldown_until": later}, {"configured": False}):
        assert closed(channel(**shut), NOW)


def test_a_channel_takes_only_due_lanes_of_models_that_it_serves() -> None:
    due, later = Lane("a-1", A, 5, NOW), Lane("a-2", A, 5, NOW + timedelta(seconds=1))
    other, blocked = Lane("b", A, 5, NOW), Lane("a-3", A, 5, NOW)
    row = channel(models=["a-*"], blocked_models={"a-3": "no such model"})
    assert lanes_for(row, [due, later, other, blocked], NOW) == [due]


def test_callers_are_served_in_turn_behind_the_last_one() -> None:
    assert in_turn([C, A, B], A) == [B, C, A]
    assert in_turn([C, A, B], None) == [A, B, C]


def test_openings_are_dealt_one_caller_at_a_time_with_higher_priority_first() -> None:
    low, high, other = Lane("m", A, 1, NOW), Lane("m", A, 9, NOW), Lane("m", B, 5, NOW)
    shares = share([low, high, other], 4, None)
    jobs = {
        key: [UUID(int=100 * key[2] + n) for n in range(3)] for key in (("m", A, 1), ("m", A, 9), ("m", B, 5))
    }
    dealt = interleave(shares, jobs, 4)
    assert [caller for caller, _ in dealt] == [A, B, A, B]
    assert [job for caller, job in dealt if caller == A] == [UUID(int=900), UUID(int=901)]


def test_a_caller_alone_gets_everything() -> None:
    shares = share([Lane("m", A, 5, NOW)], 3, A)
    assert len(interleave(shares, {("m", A, 5): [UUID(int=n) for n in range(9)]}, 3)) == 3
