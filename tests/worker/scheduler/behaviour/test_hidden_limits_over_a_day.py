"""Limits that a provider does not announce, learned over a simulated day: what is used, what is refused."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from models.queries.attempts import SentCall
from worker.scheduler.adaptive_rate import HISTORY
from worker.scheduler.learned_limits import LearnedLimits, LearnedState, Refusal, after_refusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
NOON = NOW + DAY / 2
UNLIMITED = 300.0  # calls per minute of a model, by its concurrency
Limit = Callable[[datetime], int]


@dataclass
class Provider:
    """Accepts so many calls in any 60 s, counted by ``groups`` of models, and refuses a share by chance."""

    limits: Mapping[str, Limit]  #: by group
    groups: Mapping[str, str]  #: by model
    chance: float = 0.0
    says_when: bool = False
    accepted: defaultdict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))
    luck: random.Random = field(default_factory=lambda: random.Random(7))

    def call(self, model: str, now: datetime) -> tuple[str, timedelta | None]:
        """Return ``accepted``, ``refused`` or ``by chance``, and how long it says to wait."""
        group = self.groups[model]
        window = self.accepted[group]
        while window and window[0] <= now - MINUTE:
            window.popleft()
        if self.luck.random() < self.chance:
            return "by chance", SECOND if self.says_when else None
        if len(window) >= self.limits[group](now):
            return "refused", window[0] + MINUTE - now if self.says_when else None
        window.append(now)
        return "accepted", None


def run_day(
    provider: Provider, demand: Mapping[str, Callable[[datetime], bool]], *, until: datetime = NOW + DAY
) -> dict[str, Counter[str]]:
    """Call for a day as often as what was learned allows; return the outcomes by model.

    ``demand``: whether jobs of a model wait at a time.
    """
    limits, history = LearnedLimits(), deque[SentCall]()
    due, last, whole_due = dict.fromkeys(provider.groups, NOW), dict.fromkeys(provider.groups, NOW), NOW
    outcomes: dict[str, Counter[str]] = {model: Counter() for model in provider.groups}
    while True:
        model = min(due, key=lambda name: due[name])
        now = max(due[model], whole_due)
        if now >= until:
            return outcomes
        state = limits.of(model)
        closed = max(each.cooldown_until or NOW for each in (state, limits.whole))
        if closed > now:
            due[model] = closed
            continue
        if not demand[model](now):
            due[model] = now + MINUTE
            continue
        if now - last[model] > 2 * MINUTE:
            state = replace(state, rate=state.rate.after_idle(now, last[model]))
            limits = limits.having(model, state, now)
        last[model], due[model] = now, now + _interval(state, now, UNLIMITED)
        whole_due = now + _interval(limits.whole, now, 1e9)
        outcome, wait = provider.call(model, now)
        outcomes[model][outcome] += 1
        history.append(SentCall(now, outcome != "accepted", model))
        if outcome != "accepted":
            while history[0].sent_at <= now - HISTORY:
                history.popleft()
            refusal = Refusal(model, now, outcome, wait)
            limits = after_refusal(limits, refusal, list(history), rpm=None, model_rpm=None)


def _interval(state: LearnedState, now: datetime, unlimited: float) -> timedelta:
    """Return the time between two starts, as the rate limiter spaces them."""
    return 61 / 60 * MINUTE / (state.rate.rate_at(now, None) or unlimited)


def always(_: datetime) -> bool:
    return True


def in_bursts(now: datetime) -> bool:
    """Work arrives for twenty minutes of each hour."""
    return now.minute < 20


def at_most(limit: int) -> Limit:
    return lambda _: limit


def changes_at_noon(before: int, after: int) -> Limit:
    return lambda now: before if now < NOON else after


def possible(limit: Limit, wanted: Callable[[datetime], bool]) -> int:
    """Return how many calls a day allows at most."""
    minutes = (NOW + n * MINUTE for n in range(24 * 60))
    return sum(limit(minute) for minute in minutes if wanted(minute))


@pytest.mark.parametrize(
    ("limit", "chance", "demand", "says_when"),
    [
        (changes_at_noon(30, 15), 0.01, always, False),
        (changes_at_noon(15, 30), 0.03, always, True),
        (at_most(30), 0.03, in_bursts, False),
    ],
    ids=["lowered", "raised", "bursts"],
)
def test_a_hidden_limit_is_used_over_the_day_whatever_is_refused_by_chance(
    limit: Limit, chance: float, demand: Callable[[datetime], bool], says_when: bool
) -> None:
    provider = Provider({"m": limit}, {"m": "m"}, chance, says_when)
    outcomes = run_day(provider, {"m": demand})["m"]
    assert outcomes["accepted"] >= 0.85 * possible(limit, demand)
    assert outcomes["refused"] < 0.02 * outcomes.total()


def test_two_models_of_one_channel_with_different_limits_are_both_used() -> None:
    provider = Provider({"slow": at_most(12), "fast": at_most(30)}, {"slow": "slow", "fast": "fast"}, 0.01)
    for model, outcomes in run_day(provider, {"slow": always, "fast": always}).items():
        assert outcomes["accepted"] >= 0.85 * possible(provider.limits[model], always), model
        assert outcomes["refused"] < 0.02 * outcomes.total(), model


def test_a_limit_that_two_models_share_is_used_by_both_and_by_one_alone() -> None:
    provider = Provider({"key": at_most(30)}, {"one": "key", "two": "key"})
    outcomes = run_day(provider, {"one": always, "two": lambda now: now < NOON})
    both = sum(outcomes.values(), Counter[str]())
    assert both["accepted"] >= 0.85 * possible(provider.limits["key"], always)
    assert both["refused"] < 0.02 * both.total()


def test_without_a_limit_refusals_by_chance_do_not_slow_a_channel_down() -> None:
    provider = Provider({"m": at_most(10_000)}, {"m": "m"}, 0.03)
    outcomes = run_day(provider, {"m": always}, until=NOW + 60 * MINUTE)["m"]
    assert outcomes["accepted"] >= 0.85 * UNLIMITED * 60
