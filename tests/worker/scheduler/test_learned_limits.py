"""Learned limits: to which model a refusal is charged, and when it is the whole channel."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models.queries.attempts import SentCall
from worker.scheduler.learned_limits import (
    MAX_MODELS,
    LearnedLimits,
    LearnedState,
    Refusal,
    after_crowding,
    after_named,
    after_refusal,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, YEAR = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=365)


def row(limits: LearnedLimits, **changes: Any) -> Any:
    return SimpleNamespace(**{"models": ["*"], **limits.columns(), **changes})


def calls(*models: str, refused: tuple[str, ...] = ()) -> list[SentCall]:
    """Return twenty accepted calls of each model within a minute, then refused ones."""
    accepted = [SentCall(NOW - MINUTE * (20 - n) / 21, False, model) for n in range(20) for model in models]
    return accepted + [SentCall(NOW, True, model) for model in refused]


def after(sent: list[SentCall], limits: LearnedLimits | None = None, **values: Any) -> LearnedLimits:
    refusal = Refusal(**{"model": sent[-1].model, "at": NOW, "words": "slow down", **values})
    return after_refusal(limits or LearnedLimits(), refusal, sent, rpm=None, model_rpm=None)


def test_refusals_of_one_model_are_its_own() -> None:
    limits = after(calls("a", "b", refused=("a", "a", "a")))
    assert limits.of("a").rate.rate == pytest.approx(0.94 * 20)
    assert limits.cooldown_until("a", NOW) is not None
    assert (limits.whole, limits.of("b")) == (LearnedState(), LearnedState())


def test_refusals_of_several_models_together_are_the_whole_channels() -> None:
    alone = after(calls("a", "b", refused=("a", "a", "a")))
    together = after(calls("a", "b", refused=("a", "a", "a", "b")), alone)
    assert together.whole.rate.rate == pytest.approx(0.94 * 40)
    assert together.whole.cooldown_reason == "slow down"
    assert (together.of("a").rate.rate, together.of("a").cooldown_until) == (None, None)


def test_one_refusal_of_each_of_two_models_is_no_limit() -> None:
    limits = after(calls("a", "b", refused=("a", "b")))
    assert (limits.whole, limits.of("b").rate.rate) == (LearnedState(), None)
    assert limits.of("b").cooldown_until == NOW + SECOND


@pytest.mark.parametrize(("whole", "charged"), [(True, ""), (False, "a")])
def test_an_answer_that_says_what_it_concerns_is_believed(whole: bool, charged: str) -> None:
    limits = after(calls("b", "a", refused=("b", "b", "b", "a", "a", "a")), whole=whole)
    assert [name for name in ("", "a", "b") if limits.of(name).rate.rate] == [charged]


def test_an_overload_rests_its_model_only() -> None:
    limits = after(calls("a", "b", refused=("a",)), overloaded=True)
    assert limits.cooldowns() == {"a": NOW + 5 * SECOND}


def test_a_named_limit_holds_for_the_model_or_for_the_channel() -> None:
    of_model = after_named(LearnedLimits(), Refusal("a", NOW, "6 per minute"), 6)
    of_channel = after_named(LearnedLimits(), Refusal("a", NOW, "6 per minute", whole=True), 6)
    assert (of_model.of("a").rate.rate_at(NOW, None), of_model.whole.rate.rate_at(NOW, None)) == (6, None)
    assert (of_channel.of("a").rate.rate_at(NOW, None), of_channel.whole.rate.rate_at(NOW, None)) == (None, 6)


def test_too_many_calls_in_flight_are_the_models_and_of_two_models_the_channels() -> None:
    limits = after_crowding(LearnedLimits(), Refusal("a", NOW, "busy"), {"a": 4, "b": 9}, 5 * SECOND)
    assert limits.of("a").rate.concurrency_at(NOW, 16) == 3
    assert limits.whole == LearnedState()
    limits = after_crowding(limits, Refusal("b", NOW, "busy"), {"a": 4, "b": 9}, 5 * SECOND)
    assert limits.whole.rate.concurrency_at(NOW, 16) == 12


def test_a_cool_down_is_not_shortened_by_another() -> None:
    limits = LearnedLimits().cooled("a", NOW, NOW + MINUTE, "first").cooled("a", NOW, NOW + SECOND, "second")
    assert (limits.of("a").cooldown_until, limits.of("a").cooldown_reason) == (NOW + MINUTE, "first")


def test_what_is_known_survives_being_written_down() -> None:
    limits = after(calls("a", "b", refused=("a", "a", "a"))).cooled("", NOW, NOW + SECOND, "all")
    assert LearnedLimits.from_row(row(limits)).models == limits.models
    assert LearnedLimits.from_row(row(limits)).cooldowns() == limits.cooldowns()
    unknown = SimpleNamespace(models=["*"], learned=None, learned_models={}, cooldown_until=None)
    unknown.cooldown_reason = None
    assert LearnedLimits.from_row(unknown) == LearnedLimits()


def test_models_that_the_channel_does_not_serve_any_more_are_forgotten() -> None:
    limits = after(calls("a", "b", refused=("a", "a", "a")))
    assert LearnedLimits.from_row(row(limits, models=["b"])).models == {}


def test_of_many_models_those_that_changed_last_are_remembered() -> None:
    limits = LearnedLimits()
    for n in range(MAX_MODELS + 9):
        limits = limits.cooled(f"m{n}", NOW + n * SECOND, NOW + MINUTE * 60, "slow down")
    assert set(limits.models) == {f"m{n}" for n in range(9, MAX_MODELS + 9)}


def test_what_a_clock_that_was_a_year_ahead_has_written_is_forgotten() -> None:
    sent = [call._replace(sent_at=call.sent_at + YEAR) for call in calls("a", refused=("a", "a", "a"))]
    limits = after(sent, at=NOW + YEAR).cooled("", NOW + YEAR, NOW + YEAR + SECOND, "all")
    assert limits.possible(NOW).cooldowns() == {}
    assert limits.possible(NOW).of("a").rate.rate is None
    assert limits.possible(NOW + YEAR) == limits


def test_a_cool_down_that_a_provider_asked_for_is_possible_however_long() -> None:
    limits = LearnedLimits().cooled("a", NOW, NOW + timedelta(days=31), "come back next month")
    assert limits.possible(NOW) == limits
