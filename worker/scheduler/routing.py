"""Routing: choose the channel on which a job starts, and reserve room for a job that can't start yet.

By order: a channel other than the one that failed last, the lower tier, the lower load, the name. The other
policies compare what the channels' calls came to lately, among those on which the job can start now; a share
of the calls goes to the others, so that they stay measured.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.channels import RoutingPolicy, RoutingRule, policy_of
from models.money.money import amount_text
from models.queries.scheduling.due_jobs import Candidate
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity
from worker.scheduler.channel_results import ChannelResult, Key


@dataclass(frozen=True, slots=True)
class Routing:
    """Policies by model, and what they compare."""

    rules: Sequence[RoutingRule] = ()
    results: Mapping[Key, ChannelResult] = field(default_factory=dict)
    exploration: float = 0.0  #: share of the calls that goes to other channels than the best
    draw: Callable[[], float] = random.random  #: a number from 0 to 1

    def choose(self, options: Sequence["Option"], model: str) -> tuple["Option", str | None]:
        """Choose one of the channels in their order, and say why; ``None``: by order."""
        policy = policy_of(self.rules, model)
        if policy is RoutingPolicy.ORDER or len(options) == 1:
            return options[0], None if policy is RoutingPolicy.ORDER else f"{policy}: the only one open"
        values = [self._value(policy, option, model) for option in options]
        currencies = {value.currency for value in values if value is not None and value.currency}
        if policy is RoutingPolicy.CHEAPEST and len(currencies) > 1:
            return options[0], f"{policy}: prices in {' and '.join(sorted(currencies))}, so by order"
        measured = [(value, n) for n, value in enumerate(values) if value is not None]
        if not measured:
            return options[0], f"{policy}: not measured yet, so by order"
        value, best = min(measured, key=lambda each: (each[0].rank, each[1]))
        if self.draw() < self.exploration:
            others = [n for n in range(len(options)) if n != best]
            unmeasured = [n for n in others if values[n] is None]
            pool = unmeasured or others
            return options[pool[int(self.draw() * len(pool)) % len(pool)]], f"{policy}: explored"
        return options[best], f"{policy}: {value.words}"

    def _value(self, policy: RoutingPolicy, option: "Option", model: str) -> "_Value | None":
        result = self.results.get((option.channel.name, model))
        if result is None or not result.is_measured:
            return None
        match policy:
            case RoutingPolicy.CHEAPEST if result.picture_micro is not None:
                cost = amount_text(round(result.picture_micro))
                words = f"{cost} {result.currency or ''}".rstrip() + " a picture"
                return _Value(result.picture_micro, words, result.currency)
            case RoutingPolicy.FASTEST if result.p50_seconds is not None:
                return _Value(result.p50_seconds, f"{result.p50_seconds:.1f} s (p50)")
            case RoutingPolicy.MOST_RELIABLE:
                words = f"{result.succeeded} of {result.succeeded + result.failed} succeeded"
                return _Value(-result.reliability, words)
        return None


@dataclass(frozen=True, slots=True)
class Option:
    """A channel on which a job can start, and when."""

    channel: ChannelCapacity
    at: datetime


@dataclass(frozen=True, slots=True)
class _Value:
    rank: float  #: the lower, the better
    words: str
    currency: str | None = None


BY_ORDER = Routing()


def choose_channel(
    channels: Sequence[ChannelCapacity],
    job: Candidate,
    earliest: datetime,
    now: datetime,
    routing: Routing = BY_ORDER,
) -> tuple[ChannelCapacity, datetime, str | None] | None:
    """Return the best channel on which a job can start within the horizon, its start and the reason.

    ``None``: there is none.
    """
    options = [
        (channel.id == job.avoid, channel.tier, channel.load, channel.name, Option(channel, at))
        for channel in _available(channels, job)
        if (at := channel.next_start(job.model, job.images, earliest)) <= now + HORIZON
    ]
    if not options:
        return None
    options.sort(key=lambda option: option[:4])
    fresh = [option for option in options if option[0] == options[0][0]]
    chosen, why = routing.choose([option[4] for option in fresh], job.model)
    return chosen.channel, chosen.at, why


def reserve_capacity(
    channels: Sequence[ChannelCapacity], job: Candidate, earliest: datetime, now: datetime
) -> None:
    """Reserve room for a job that waits for nothing but images per minute, where it can start first.

    Without it, smaller jobs would use up again and again what a larger one needs at once.
    """
    available = _available(channels, job)
    if not available or earliest > now + HORIZON:
        return
    soonest = min(available, key=lambda channel: channel.next_start(job.model, job.images, earliest))
    binding = soonest.binding_limit(job.model, job.images, earliest) or ""
    if binding.endswith("ipm") and soonest.images_of_call(job.images) > 1:
        soonest.reserve(job)


def _available(channels: Sequence[ChannelCapacity], job: Candidate) -> list[ChannelCapacity]:
    return [channel for channel in channels if channel.takes(job)]
