from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from models.channels import RoutingRule
from tests.worker.scheduler.test_fair_queue import NOW, SECOND, A, capacity, jobs, row
from worker.scheduler.channel_capacity import HORIZON
from worker.scheduler.channel_results import ChannelResult
from worker.scheduler.routing import Routing, choose_channel, reserve_capacity

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


A1, A2, A3 = capacity(1), capacity(2), capacity(3)


def result(**values: Any) -> ChannelResult:
    defaults: dict[str, Any] = {"calls": 20, "succeeded": 20, "failed": 0, "p50_seconds": 9.0}
    return ChannelResult(**{**defaults, "picture_micro": 40_000.0, "currency": "CNY", **values})


def routed(policy: str, results: dict[int, ChannelResult], *, draws: Sequence[float] = (1.0,)) -> object:
    numbers = iter(draws)
    routing = Routing(
        [RoutingRule.parse(f"m*={policy}")],
        {(f"channel-{number}", "m"): found for number, found in results.items()},
        0.1,
        lambda: next(numbers),
    )
    found = choose_channel([A1, A2, A3], JOB, NOW, NOW, routing)
    return found and (found[0].name, found[2])


def test_each_policy_compares_its_own_measure_and_says_it() -> None:
    results = {
        1: result(p50_seconds=20.0),
        2: result(picture_micro=30_000.0, failed=9, succeeded=11),
        3: result(p50_seconds=4.5, picture_micro=50_000.0, failed=2, succeeded=18),
    }
    assert routed("cheapest", results) == ("channel-2", "cheapest: 0.03 CNY a picture")
    assert routed("fastest", results) == ("channel-3", "fastest: 4.5 s (p50)")
    assert routed("most_reliable", results) == ("channel-1", "most_reliable: 20 of 20 succeeded")
    assert routed("order", results) == ("channel-1", None)


def test_a_share_of_the_calls_explores_unmeasured_channels_first() -> None:
    results = {1: result(), 2: result(picture_micro=1.0)}
    assert routed("cheapest", results, draws=[0.05, 0.9]) == ("channel-3", "cheapest: explored")
    results[3] = result()
    assert routed("cheapest", results, draws=[0.05, 0.9]) == ("channel-3", "cheapest: explored")
    assert routed("cheapest", results, draws=[0.05, 0.1]) == ("channel-1", "cheapest: explored")
    assert routed("cheapest", results, draws=[0.1]) == ("channel-2", "cheapest: 0.000001 CNY a picture")


def test_without_measures_or_with_several_currencies_the_order_decides() -> None:
    few = {1: result(calls=4), 2: result(p50_seconds=None)}
    assert routed("fastest", few) == ("channel-1", "fastest: not measured yet, so by order")
    mixed = {1: result(), 2: result(currency="USD", picture_micro=1.0)}
    assert routed("cheapest", mixed) == ("channel-1", "cheapest: prices in CNY and USD, so by order")


def test_the_channel_that_failed_last_is_left_out_of_the_comparison() -> None:
    routing = Routing([RoutingRule.parse("fastest")], {("channel-1", "m"): result(p50_seconds=1.0)})
    job = replace(JOB, avoid=row(1).id)
    found = choose_channel([A1, A2], job, NOW, NOW, routing)
    assert found is not None
    assert (found[0].name, found[2]) == ("channel-2", "fastest: the only one open")
