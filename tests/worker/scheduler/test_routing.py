from dataclasses import replace
from datetime import timedelta

from tests.worker.scheduler.test_fair_queue import NOW, SECOND, A, capacity, jobs, row
from worker.scheduler.channel_capacity import HORIZON
from worker.scheduler.routing import choose_channel, reserve_capacity

(JOB,) = jobs(A, 1)


def chosen(*channels: object, job: object = JOB) -> object:
    found = choose_channel(channels, job, NOW, NOW)  # type: ignore[arg-type]
    return found and found[0].name


def test_the_lower_tier_comes_first_then_the_lower_load_then_the_name() -> None:
    second = capacity(1, tier=1)
    busy, idle = capacity(2, {"m": 3}), capacity(3)
    assert chosen(second, busy, idle) == "channel-3"
    assert chosen(second, busy) == "channel-2"
    assert chosen(capacity(5), capacity(4)) == "channel-4"


def test_a_channel_with_more_weight_counts_as_less_loaded() -> None:
    assert chosen(capacity(1, {"m": 3}), capacity(2, {"m": 4}, weight=2.0)) == "channel-2"


def test_another_channel_than_the_one_that_failed_comes_first_even_in_a_higher_tier() -> None:
    failed, other = capacity(1), capacity(2, tier=7)
    job = replace(JOB, avoid=row(1).id)
    assert chosen(failed, other, job=job) == "channel-2"
    assert chosen(failed, job=job) == "channel-1"  # better than none


def test_channels_that_can_not_start_the_job_within_the_horizon_are_left_out() -> None:
    other_model, full = capacity(1, models=["n"]), capacity(2, {"m": 1}, concurrency=1)
    late = capacity(3, rpm=60, next_start_at=NOW + HORIZON + SECOND)
    assert chosen(other_model, full, late) is None
    assert chosen(other_model, full, late, capacity(4)) == "channel-4"


def test_room_is_reserved_only_for_a_job_that_waits_for_images_per_minute() -> None:
    (many,) = jobs(A, 1, images=8)
    tick = int(NOW.timestamp() * 4)
    limited = capacity(1, limits={"": {"ipm": 9}}, pace={"ipm": [[tick - 4, 5]]})
    reserve_capacity([limited], many, NOW, NOW)
    assert limited.reservation_changed
    by_calls = capacity(2, rpm=1, next_start_at=NOW + timedelta(seconds=50))
    reserve_capacity([by_calls], many, NOW, NOW)
    assert not by_calls.reservation_changed
    one_each = capacity(4, limits={"": {"ipm": 5}}, pace={"ipm": [[tick - 4, 5]]}, images_per_call=1)
    reserve_capacity([one_each], many, NOW, NOW)
    assert not one_each.reservation_changed
    late = capacity(3, limits={"": {"ipm": 9}}, pace={"ipm": [[tick - 4, 5]]})
    reserve_capacity([late], many, NOW + HORIZON + SECOND, NOW)  # its caller's own limit comes first
    assert not late.reservation_changed
