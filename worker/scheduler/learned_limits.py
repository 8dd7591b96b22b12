"""Learned limits of a channel and of each of its models: adaptive rates and cool-downs.

A refusal that names neither is charged to the model that got it, and leaves the other models running. The
whole channel is charged if the answer says so, or if calls of several models are refused together and these
refusals as a whole are a limit: then what was charged to the models just before is taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from models.channels import serves
from models.queries.attempts import SentCall
from worker.scheduler.adaptive_rate import (
    AdaptiveRate,
    AfterRefusal,
    after_concurrency_limit,
    after_named_limit,
    after_overload,
    after_rate_limit,
)
from worker.scheduler.rate_limiter import CLOCK_SKEW

MAX_MODELS = 64  #: of one channel that are remembered: callers name models, and may name any number
LONGEST_COOLDOWN = timedelta(days=31)  #: as long as an answer may ask for
_TOGETHER = timedelta(seconds=30)  # within which refusals of several models concern the whole channel
_CHARGED = timedelta(minutes=1)  # how long what was charged to a model may be taken back


@dataclass(frozen=True, slots=True)
class LearnedState:
    """Adaptive rate and cool-down of one model on a channel, or of the whole channel; last changed ``at``."""

    rate: AdaptiveRate = field(default_factory=AdaptiveRate)
    cooldown_from: datetime | None = None
    cooldown_until: datetime | None = None
    cooldown_reason: str | None = None
    at: datetime | None = None

    @property
    def cooldown(self) -> timedelta:
        """Return how long the last cool-down was; zero: it is not known."""
        if self.cooldown_from is None or self.cooldown_until is None:
            return timedelta()
        return self.cooldown_until - self.cooldown_from

    def possible(self, now: datetime) -> "LearnedState":
        """Return it without times that are further ahead than is possible."""
        latest = now + CLOCK_SKEW
        rate, since = self.rate, self.cooldown_from or now
        known = (rate.limit_met_at, rate.crowded, rate.told_at, rate.woken)
        ahead = any(at > latest for at in known if at is not None)
        state = replace(self, rate=AdaptiveRate()) if ahead else self
        if since > latest or (self.cooldown_until or now) > latest + LONGEST_COOLDOWN:
            state = replace(state, cooldown_from=None, cooldown_until=None, cooldown_reason=None)
        return state

    def cooling(self, now: datetime) -> bool:
        """Return whether it cools down now."""
        return self.cooldown_until is not None and self.cooldown_until > now

    def cooled(self, since: datetime, until: datetime, why: str) -> "LearnedState":
        """Cool down until then, or as long as it does already."""
        if self.cooldown_until is not None and self.cooldown_until >= until:
            return self
        return replace(self, cooldown_from=since, cooldown_until=until, cooldown_reason=why)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was refused. ``whole``: whether the answer concerns all models; ``None``: it does not say.

    ``words``: the provider's. ``overloaded``: it reports its own overload, not too many calls.
    """

    model: str
    at: datetime
    words: str
    retry_after: timedelta | None = None
    whole: bool | None = None
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class LearnedLimits:
    """What was learned of a channel: of the whole, and of single models."""

    whole: LearnedState = field(default_factory=LearnedState)
    models: Mapping[str, LearnedState] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Any) -> "LearnedLimits":
        """Read it from a channel's row."""
        rate = AdaptiveRate.from_json(row.learned)
        whole = LearnedState(rate, None, row.cooldown_until, row.cooldown_reason)
        models = _MODELS.validate_python(row.learned_models or {})
        return cls(whole, {model: state for model, state in models.items() if serves(row.models, model)})

    def possible(self, now: datetime) -> "LearnedLimits":
        """Return it without what can't be known yet: a clock that was ahead has written it."""
        models = {model: state.possible(now) for model, state in self.models.items()}
        return replace(self, whole=self.whole.possible(now), models=models)

    def of(self, model: str) -> LearnedState:
        """Return the state of a model (``""``: of the whole channel)."""
        return self.models.get(model, LearnedState()) if model else self.whole

    def having(self, model: str, state: LearnedState, at: datetime) -> "LearnedLimits":
        """Set the state of a model (``""``: of the whole channel); the model changed longest ago may go."""
        if not model:
            return replace(self, whole=state)
        others = ((name, known) for name, known in self.models.items() if name != model)
        newest = sorted(others, key=lambda item: item[1].at or at, reverse=True)[: MAX_MODELS - 1]
        return replace(self, models={**dict(newest), model: replace(state, at=at)})

    def cooled(self, model: str, since: datetime, until: datetime, why: str) -> "LearnedLimits":
        """Cool a model down (``""``: the whole channel)."""
        state = self.of(model).cooled(since, until, why)
        return self if state == self.of(model) else self.having(model, state, since)

    def after_idle(self, now: datetime, last_start: datetime | None) -> "LearnedLimits":
        """Begin a slow start of the channel if nothing was started yet, or for a while."""
        return replace(self, whole=replace(self.whole, rate=self.whole.rate.after_idle(now, last_start)))

    def models_after_idle(self, now: datetime, last_starts: Mapping[str, datetime]) -> "LearnedLimits":
        """Begin slow starts of models that were started last at these times, where that is long ago."""
        woken = {
            model: replace(state, rate=state.rate.after_idle(now, last_starts[model]))
            for model, state in self.models.items()
            if state.rate.rate is not None and model in last_starts
        }
        return replace(self, models={**self.models, **woken}) if woken else self

    def cooldowns(self) -> dict[str, datetime]:
        """Return the ends of cool-downs, also of past ones, by model (``""``: the whole channel)."""
        states = {"": self.whole, **self.models}
        return {name: state.cooldown_until for name, state in states.items() if state.cooldown_until}

    def paced(self) -> list[str]:
        """Return the models with a learned rate (``""``: the whole channel)."""
        states = {"": self.whole, **self.models}
        return [name for name, state in states.items() if state.rate.rate or state.rate.told]

    def cooldown_until(self, model: str, now: datetime) -> datetime | None:
        """Return the end of a model's own cool-down, or ``None``."""
        state = self.of(model)
        return state.cooldown_until if state.cooling(now) else None

    def columns(self) -> dict[str, Any]:
        """Return it as columns of the channel's row."""
        return {
            "learned": self.whole.rate.to_json(),
            "cooldown_until": self.whole.cooldown_until,
            "cooldown_reason": self.whole.cooldown_reason,
            "learned_models": _MODELS.dump_python(dict(self.models), mode="json"),
        }


_MODELS = TypeAdapter(dict[str, LearnedState])


def after_refusal(
    limits: LearnedLimits,
    refusal: Refusal,
    calls: Sequence[SentCall],
    *,
    rpm: float | None,
    model_rpm: float | None,
) -> LearnedLimits:
    """Return what is known after a refusal.

    ``calls``: those of ``adaptive_rate.HISTORY`` on the channel, the refused one included, in order. ``rpm``
    and ``model_rpm``: the configured calls per minute of the channel and of the model.
    """
    at, whole = refusal.at, limits.whole
    resting = whole.rate.resumed is not None and whole.rate.resumed > at
    if refusal.whole or (refusal.whole is None and (resting or _refused_together(refusal, calls))):
        found = _evaluate(whole.rate, refusal, calls, rpm)
        if refusal.whole or resting or found.limited or refusal.overloaded:
            if found.limited:
                limits = _taken_back(limits, at)
            state = replace(whole, rate=found.rate).cooled(at, found.until, refusal.words)
            return limits.having("", state, at)
    state = limits.of(refusal.model)
    own = [call for call in calls if call.model == refusal.model]
    found = _evaluate(state.rate, refusal, own, model_rpm)
    state = replace(state, rate=found.rate).cooled(at, found.until, refusal.words)
    return limits.having(refusal.model, state, at)


def after_crowding(
    limits: LearnedLimits, refusal: Refusal, in_flight: Mapping[str, int], rest: timedelta
) -> LearnedLimits:
    """Return what is known after a refusal for too many calls in flight, by model."""
    model, at = refusal.model, refusal.at
    others = [state.rate.crowded for name, state in limits.models.items() if name != model]
    together = any(crowded is not None and at - crowded <= _TOGETHER for crowded in others)
    name = "" if refusal.whole or (refusal.whole is None and together) else model
    busy = in_flight.get(name, 0) if name else sum(in_flight.values())
    state = limits.of(name)
    state = replace(state, rate=after_concurrency_limit(state.rate, at, busy))
    return limits.having(name, state.cooled(at, at + rest, refusal.words), at)


def after_named(limits: LearnedLimits, refusal: Refusal, rpm: float) -> LearnedLimits:
    """Return what is known after a refusal that names a limit, in calls per minute."""
    name = "" if refusal.whole else refusal.model
    state = limits.of(name)
    return limits.having(
        name, replace(state, rate=after_named_limit(state.rate, refusal.at, rpm)), refusal.at
    )


def _refused_together(refusal: Refusal, calls: Iterable[SentCall]) -> bool:
    """Return whether calls of another model are refused as well."""
    since = refusal.at - _TOGETHER
    return any(call.refused and call.sent_at > since and call.model != refusal.model for call in calls)


def _evaluate(
    known: AdaptiveRate, refusal: Refusal, calls: Sequence[SentCall], rpm: float | None
) -> AfterRefusal:
    overload = after_overload(known, refusal.at, calls, refusal.retry_after) if refusal.overloaded else None
    return overload or after_rate_limit(known, refusal.at, rpm, calls, refusal.retry_after)


def _taken_back(limits: LearnedLimits, at: datetime) -> LearnedLimits:
    """Take back the limits of models that were met just now: they are the whole channel's."""
    return replace(
        limits,
        models={
            name: replace(state, rate=state.rate.without_last_limit(), cooldown_until=None)
            if (met := state.rate.limit_met_at) is not None and at - met <= _CHARGED
            else state
            for name, state in limits.models.items()
        },
    )
