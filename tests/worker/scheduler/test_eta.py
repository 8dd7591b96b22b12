"""When a queued job may be done."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.queue_status import SchedulerSnapshot
from tests.worker.scheduler.test_wait_reason import JOB, LATER, NOW, caller, calls, channel
from worker.scheduler.eta import CallDurations, Eta, eta_of
from worker.scheduler.queue_position import QueuePosition
from worker.scheduler.wait_reason import SchedulerView

STEADY = CallDurations(mean=10, deviation=0, p50=10, p90=10, success_rate=1)


def call(seconds: float | None, outcome: str | None = "success") -> Any:
    finished = None if seconds is None else NOW + timedelta(seconds=seconds)
    return SimpleNamespace(sent_at=NOW, finished_at=finished, outcome=outcome)


def status_of(
    snapshot: SchedulerSnapshot, place: int = 1, *, own: int | None = None, durations: CallDurations = STEADY
) -> Eta:
    view = SchedulerView(snapshot, NOW)
    durations = {row.name: durations for row in snapshot.channels}
    return eta_of(JOB, view.wait_status(JOB), QueuePosition(place, own or place), view, durations)


def test_durations_are_taken_from_calls_that_succeeded() -> None:
    found = CallDurations.from_calls([call(4), call(6), call(90, "retry"), call(None, None), call(8)])
    assert found is not None
    assert (found.mean, found.p50, found.success_rate) == (6, 6, 0.75)
    assert CallDurations.from_calls([call(None, None)]) is None
    assert CallDurations.from_calls([call(5)]) == CallDurations(5, 0, 5, 5, 1)


ROOMY = {"concurrency": 1000}
CASES: list[tuple[str, SchedulerSnapshot, int, float, str]] = [
    ("alone", SchedulerSnapshot(channels=[channel()], slots=99), 1, 10, "call"),
    (
        "a minute of starts",
        SchedulerSnapshot(channels=[channel(rpm=60, **ROOMY)], slots=999),
        61,
        70,
        "rate_limit",
    ),
    (
        "pictures",
        SchedulerSnapshot(channels=[channel(limits={"": {"ipm": 6}}, **ROOMY)], slots=999),
        7,
        70,
        "rate_limit",
    ),
    ("two at once", SchedulerSnapshot(channels=[channel()], slots=99), 21, 110, "concurrency"),
    (
        "two channels",
        SchedulerSnapshot(channels=[channel(), channel("two")], slots=99),
        21,
        60,
        "concurrency",
    ),
    (
        "one is paused",
        SchedulerSnapshot(channels=[channel(), channel("two", paused_at=NOW)], slots=99),
        21,
        110,
        "concurrency",
    ),
    ("few slots", SchedulerSnapshot(channels=[channel(**ROOMY)], slots=4), 21, 60, "worker_slots"),
    ("a rest", SchedulerSnapshot(channels=[channel(cooldown_until=LATER)], slots=99), 2, 75, "cooldown"),
    (
        "its key's limit",
        SchedulerSnapshot(channels=[channel(**ROOMY)], slots=999, callers=[caller(rpm=6)]),
        *(13, 130, "rate_limit"),
    ),
]


@pytest.mark.parametrize(
    ("snapshot", "place", "seconds", "factor"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_end_follows_from_the_place_and_what_bounds_the_starts(
    snapshot: SchedulerSnapshot, place: int, seconds: float, factor: str
) -> None:
    found = status_of(snapshot, place)
    assert (found.p50, found.limiting_factor) == (pytest.approx(seconds), factor)


def test_retries_make_it_longer() -> None:
    half = CallDurations(mean=10, deviation=0, p50=10, p90=10, success_rate=0.5)
    snapshot = SchedulerSnapshot(channels=[channel(rpm=60, **ROOMY)], slots=999)
    assert status_of(snapshot, 61, durations=half).p50 == pytest.approx(130)


@pytest.mark.parametrize(
    ("snapshot", "factor"),
    [
        (SchedulerSnapshot(channels=[]), "no_channel"),
        (SchedulerSnapshot(channels=[channel(draining_at=NOW)]), "paused"),
        (SchedulerSnapshot(channels=[channel()], workers_alive=0), "no_worker"),
    ],
)
def test_nobody_knows_when_a_person_will_act(snapshot: SchedulerSnapshot, factor: str) -> None:
    assert status_of(snapshot) == Eta(None, None, factor)


def test_nothing_is_guessed_before_the_first_call_has_ended() -> None:
    view = SchedulerView(SchedulerSnapshot(channels=[channel()]), NOW)
    assert eta_of(JOB, view.wait_status(JOB), QueuePosition(1, 1), view, {}).p50 is None


@given(
    rpm=st.none() | st.floats(0.5, 600),
    busy=st.integers(0, 3),
    slots=st.integers(1, 50),
    mean=st.floats(0.1, 300),
    deviation=st.floats(0, 100),
    place=st.integers(1, 5000),
)
def test_who_stands_further_behind_ends_later_and_nine_of_ten_are_later_than_half(
    rpm: float | None, busy: int, slots: int, mean: float, deviation: float, place: int
) -> None:
    snapshot = SchedulerSnapshot(
        channels=[channel(rpm=rpm)], calls=[calls(busy)] if busy else [], slots=slots
    )
    durations = CallDurations(mean, deviation, mean, mean + deviation, 0.9)
    here, behind = (
        status_of(snapshot, place, durations=durations),
        status_of(snapshot, place + 50, durations=durations),
    )
    assert here.p50 is not None
    assert here.p90 is not None
    assert behind.p50 is not None
    assert mean <= here.p50 <= here.p90
    assert here.p50 < behind.p50


def test_a_job_that_failed_waits_for_its_back_off_and_may_fail_once_more() -> None:
    failed = replace(JOB, not_before=LATER, backing_off=True, since=NOW)
    view = SchedulerView(SchedulerSnapshot(channels=[channel()], slots=9), NOW)
    found = eta_of(failed, view.wait_status(failed), None, view, {"one": STEADY})
    assert found == Eta(60 + 10, 60 + 10 + 60, "backoff")


def test_calls_that_all_fail_make_an_eta_three_times_as_long_at_most() -> None:
    none = CallDurations.from_calls([call(10, "retry")] * 9)
    assert none is not None
    snapshot = SchedulerSnapshot(channels=[channel(concurrency=1)], slots=9)
    usual, failing = status_of(snapshot, 21), status_of(snapshot, 21, durations=none)
    assert (usual.p50, failing.p50) == (210, 610)
