"""Capacity of one channel: rate, concurrency, breaker, slow start, reservation; and what closes it."""

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from models.channels import serves
from models.queries.scheduling.due_jobs import Candidate
from models.queue_status import WaitCause, WaitReason
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.scheduler.learned_limits import LONGEST_COOLDOWN, LearnedLimits
from worker.scheduler.rate_limiter import (
    CLOCK_SKEW,
    DailyQuota,
    NamedLimit,
    RateLimiter,
    calls_per_minute,
    named_limits,
)

INITIAL_CALLS = 10  #: after idling; TCP begins with as many (RFC 6928)
RAMP = timedelta(seconds=5)  #: of a slow start, from its first calls to as many as the channel takes
HORIZON = timedelta(seconds=1)  #: how far ahead starts are assigned
_LEAD = timedelta(seconds=0.25)  # for a lease to reach its call, where the slack is short
_START_KEY, _RESERVATION_KEY = "started", "kept"  # JSON keys beside the states of limits
_RESERVE_AFTER = timedelta(seconds=15)  # how long smaller calls may start before a large one that is next
_RESERVATION_TTL = timedelta(seconds=10)  # after the time when the call could start
_PROBE_CHOICE = 20  # further candidates for a probe
_BACKFILL = 4  # further candidates: some ask for few enough images to fit where others do not
_NO_REASON, _BY_REQUEST = "no reason was given", "its provider asked for it"


def slow_start(opened: datetime | None, now: datetime, concurrency: int, *, initial: int = 1) -> int:
    """Return how many calls may be in flight on a channel that was ``opened`` some time ago.

    A channel that was closed or idle takes its calls up over some seconds, not all at once.
    """
    if opened is None or now - opened >= RAMP:
        return concurrency
    return max(min(initial, concurrency), math.ceil(concurrency * (max(now - opened, timedelta()) / RAMP)))


@dataclass(frozen=True, slots=True)
class InFlight:
    """Calls in flight on one channel, by model."""

    by_model: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_model.values())


def in_flight_on(channel_id: UUID, calls: Iterable[Any]) -> InFlight:
    """Return a channel's part of the rows of ``models.queries.leases.calls_in_flight``."""
    by_model: defaultdict[str, int] = defaultdict(int)
    for row in calls:
        if row.channel_id == channel_id:
            by_model[row.model] += row.calls
    return InFlight(by_model)


class Reservation(NamedTuple):
    """Room that is kept for a large job that was next; ends at ``until`` unless the job is seen again.

    The channel's row stores it as a list in this order.
    """

    job: str
    model: str
    images: int
    until: str
    caller: str
    since: str

    @classmethod
    def from_json(cls, state: Any, now: datetime) -> "Reservation | None":
        """Read it from a channel's row; ``None`` if there is none, or it has ended."""
        found = cls(*state) if state and len(state) == len(cls._fields) else None
        ahead = found is not None and datetime.fromisoformat(found.since) > now + CLOCK_SKEW
        return found if found and found.valid(now) and not ahead else None

    def valid(self, at: datetime) -> bool:
        """Return whether it has not ended by then."""
        return datetime.fromisoformat(self.until) > at

    def applies(self, now: datetime) -> bool:
        """Return whether the job was overtaken for long enough that room is kept for it."""
        return now - datetime.fromisoformat(self.since) >= _RESERVE_AFTER


class ChannelCapacity:
    """One channel during one dispatch round, made of its row, which the round holds locked."""

    def __init__(self, row: Any, in_flight: InFlight, now: datetime) -> None:
        self.id: UUID = row.id
        self.name: str = row.name
        self.tier: int = row.tier
        self.weight: float = row.weight
        self._images_per_call: int | None = row.images_per_call
        self._row, self._now, self._in_flight = row, now, dict(in_flight.by_model)
        self.breakers = {
            model: CircuitBreaker.from_json(state)
            .possible(now)
            .without_lost_probe(now, self.in_flight(model or None))
            for model, state in (row.breakers or {}).items()
        }
        state = row.pace or {}
        last = datetime.fromisoformat(at) if (at := state.get(_START_KEY)) else row.next_start_at
        self._last_start = last if last is None or last <= now + CLOCK_SKEW else None
        self._stored = LearnedLimits.from_row(row).possible(now)
        self._learned = self._stored
        if self._stored.models:
            due = {
                m: datetime.fromisoformat(at) for m in self._stored.models if (at := state.get(f"{m}/rpm"))
            }
            self._learned = self._stored.models_after_idle(now, due)
        if in_flight.total < INITIAL_CALLS:  # not while calls that started together and take long are awaited
            self._learned = self._learned.after_idle(now, self._last_start)
        learned = self._learned.whole.rate
        self._probes: dict[str, datetime] = {}
        self._fresh: set[str] = set()
        stored = state.get(_RESERVATION_KEY)
        #: the room that is kept for a job
        self.reservation = self._reservation_before = Reservation.from_json(stored, now) if stored else None
        whole = {**row.limits.get("", {}), "rpm": row.rpm}
        #: calls per minute of the whole channel now: as configured, or fewer by its adaptive rate
        self.rpm = rate = learned.rate_at(now, row.rpm)
        minute = calls_per_minute("", whole, rate, row.next_start_at, state) if rate else []
        self._limiter = RateLimiter([*minute, *named_limits("", {**whole, "rpm": None}, state)])
        self._limits = {model: limits for model, limits in row.limits.items() if model}
        self._model_limiters = {
            model: RateLimiter(self._limits_of(model, state))
            for model in self._limits.keys() | self._learned.models.keys()
        }
        most = self.concurrency = learned.concurrency_at(now, row.concurrency)  #: as configured, or fewer
        if self.rpm is None:  # a rate limit spreads the starts itself
            most = min(
                slow_start(row.cooldown_until, now, most),
                slow_start(learned.woken, now, most, initial=INITIAL_CALLS),
            )
        self._headroom = most - in_flight.total

    def serves(self, model: str) -> bool:
        """Return whether the channel takes this model, apart from limits and concurrency."""
        return (
            model not in self._row.blocked_models
            and serves(self._row.models, model)
            and self.model_cooldown(model) is None
            and all(breaker.allowed_calls(self._now) != 0 for breaker in self._breakers_of(model).values())
        )

    def headroom(self, model: str) -> int:
        """Return how many more calls of this model may be in flight."""
        bounds = [self._headroom]
        if (limit := self.model_concurrency(model)) is not None:
            bounds.append(limit - self._in_flight.get(model, 0))
        for name, breaker in self._breakers_of(model).items():
            if (probes := breaker.allowed_calls(self._now)) is not None:
                bounds.append(probes if name not in self._probes else 0)
        return max(min(bounds), 0)

    @property
    def learned_models(self) -> list[str]:
        """The models of which limits or cool-downs are known."""
        return sorted(self._learned.models)

    def model_cooldown(self, model: str) -> WaitCause | None:
        """Return the cool-down of one model, while the others are called."""
        if model not in self._learned.models:
            return None
        until = self._learned.cooldown_until(model, self._now)
        if until is None:
            return None
        why = self._learned.of(model).cooldown_reason or _BY_REQUEST
        return WaitCause(WaitReason.COOLDOWN, f"{self.name} cools down for {model}: {why}", until)

    def model_rpm(self, model: str) -> float | None:
        """Return the calls per minute of one model now: as configured, or fewer by its adaptive rate."""
        return self._learned.of(model).rate.rate_at(self._now, self._limits.get(model, {}).get("rpm"))

    def model_concurrency(self, model: str) -> int | None:
        """Return the calls of one model that may be in flight now; ``None``: it has no limit of its own.

        As configured, or fewer: learned, or in a slow start after a cool-down.
        """
        set_ = self._limits.get(model, {}).get("concurrency")
        if model not in self._learned.models:
            return int(set_) if set_ else None
        state = self._learned.of(model)
        most = state.rate.concurrency_at(self._now, int(set_ or self.concurrency))
        if state.cooldown >= RAMP and self.model_rpm(model) is None:
            most = slow_start(state.cooldown_until, self._now, most)
        return most if set_ or most < self.concurrency else None

    def probing(self, model: str) -> bool:
        """Return whether the next call of this model tests a breaker."""
        return any(breaker.until is not None for breaker in self._breakers_of(model).values())

    def prefer_fresh(self, candidates: Iterable[Candidate]) -> None:
        """Probe with jobs whose last call did not fail here, if there are any among these."""
        self._fresh = {job.model for job in candidates if job.avoid != self.id and self.serves(job.model)}

    def takes(self, job: Candidate) -> bool:
        """Return whether a call for this job may start, apart from rate limits."""
        if not self.serves(job.model) or self.headroom(job.model) <= 0:
            return False
        fresh = self._fresh if self.probing("") else self._fresh & {job.model}
        return not (fresh and job.avoid == self.id and self.probing(job.model))

    def possible_starts(self, model: str, until: datetime) -> int:
        """Return how many calls of this model could start until then, if each asks for one image."""
        headroom, limiters = self.headroom(model), self._limiters_of(model)
        if not any(limiter.limits for limiter in limiters):
            return headroom
        limiters = copy.deepcopy(limiters)
        count, at = 0, self._now
        while count < headroom:
            at = max(limiter.next_start(1, self._now) for limiter in limiters)
            if at > until:
                return count
            for limiter in limiters:
                limiter.take(at, 1)
            count += 1
        return headroom

    def backfill(self, model: str) -> int:
        """Return how many further candidates to fetch.

        Some may fit into the rest of a minute's images; for a probe, one that has not failed here is wanted.
        """
        if self.probing(model):
            return _PROBE_CHOICE
        counted = any(limit.per_image for limiter in self._limiters_of(model) for limit in limiter.limits)
        return _BACKFILL if counted else 0

    def images_of_call(self, images: int) -> int:
        """Return how many images the next call asks for, of a job that asks for ``images``."""
        return images if self._images_per_call is None else min(images, self._images_per_call)

    def next_start(self, model: str, images: int, at: datetime) -> datetime:
        """Return when a call for a job of so many images may start at the earliest, not before ``at``."""
        limiters, images = self._limiters_of(model), self.images_of_call(images)
        start = max(limiter.next_start(images, at) for limiter in limiters)
        if start > self._now or not any(
            limit.name.endswith("rps") for limiter in limiters for limit in limiter.limits
        ):
            return start
        return max(limiter.next_start(images, self._now + _LEAD) for limiter in limiters)

    def reserve(self, job: Candidate) -> None:
        """Note a job that is next and asks for more images than may start now; in time, keep room for it."""
        reservation = self.reservation
        if reservation and reservation.job != job.job_id.hex:
            return
        if not (reservation and reservation.valid(self._now + _RESERVATION_TTL / 2)):
            until = (self.next_start(job.model, job.images, self._now) + _RESERVATION_TTL).isoformat()
            since = reservation.since if reservation else self._now.isoformat()
            images = self.images_of_call(job.images)
            self.reservation = Reservation(job.job_id.hex, job.model, images, until, job.caller_id.hex, since)
        self.apply_reservation()

    @property
    def reserved_for(self) -> UUID | None:
        """The caller for whose job room is kept."""
        return (
            UUID(self.reservation.caller)
            if self.reservation and self.reservation.applies(self._now)
            else None
        )

    def apply_reservation(self) -> None:
        """Keep room for the reserved job, if it was overtaken for long enough."""
        if self.reservation and self.reservation.applies(self._now):
            self._reserve(self.reservation.model, self.reservation.images)

    def waive_reservation(self, job: Candidate) -> None:
        """Let the reserved job itself use the room that is kept for it."""
        if self.reservation and self.reservation.job == job.job_id.hex:
            self._reserve(job.model, 0)

    def end_reservation(self, job: Candidate) -> None:
        """End the reservation of a job that has started, on any channel."""
        if self.reservation and self.reservation.job == job.job_id.hex:
            self.reservation = None

    def _reserve(self, model: str, images: int) -> None:
        for limiter in self._limiters_of(model):
            limiter.reserve(images, self._now)

    def binding_limit(self, model: str, images: int, at: datetime) -> str | None:
        """Return the limit that makes a job's call wait longest, as ``rpm`` or, of a model, ``MODEL/rpm``."""
        images = self.images_of_call(images)
        return max(
            (
                (limiter.next_start(images, at), limiter.binding_limit(images, at))
                for limiter in self._limiters_of(model)
            ),
            key=lambda start: start[0],
        )[1]

    def in_flight(self, model: str | None = None) -> int:
        """Return the calls in flight, of one model if it is given."""
        return sum(self._in_flight.values()) if model is None else self._in_flight.get(model, 0)

    @property
    def load(self) -> float:
        """Calls in flight, divided by the channel's weight."""
        return sum(self._in_flight.values()) / self.weight

    def record_start(self, job: Candidate, start: datetime) -> None:
        """Record that a job starts here."""
        model, pictures = job.model, self.images_of_call(job.images)
        for limiter in self._limiters_of(model):
            limiter.take(start, pictures)
        self._last_start = max(start, self._last_start or start)
        self._headroom -= 1
        self._in_flight[model] = self._in_flight.get(model, 0) + 1
        for name, breaker in self._breakers_of(model).items():
            if breaker.until is not None:
                self._probes[name] = self._now

    def quotas_to_recount(self) -> list[tuple[str, DailyQuota]]:
        """Return the daily quotas that seem used up, by model ("": the whole channel)."""
        limiters = {"": self._limiter, **self._model_limiters}
        return [
            (model, limit.limit)
            for model, limiter in limiters.items()
            for limit in limiter.limits
            if isinstance(limit.limit, DailyQuota) and limit.limit.needs_recount(self._now)
        ]

    @property
    def reservation_changed(self) -> bool:
        """Whether the reservation has to be saved even if nothing starts."""
        return bool(self.reservation != self._reservation_before)

    def changes(self) -> dict[str, Any]:
        """Return the columns of the channel's row that this round changes."""
        states = self._limiter.state()
        for limiter in self._model_limiters.values():
            states |= limiter.state()
        changes: dict[str, Any] = {"pace": {n: s for n, s in states.items() if n != "rpm"}}
        if self.reservation:
            changes["pace"][_RESERVATION_KEY] = self.reservation
        if self._last_start:
            changes["pace"][_START_KEY] = self._last_start.isoformat()
        if due := states.get("rpm"):
            changes["next_start_at"] = datetime.fromisoformat(due)
        if self._learned != self._stored:
            changes |= self._learned.columns()
        if self._probes:
            probed = {
                n: b.with_probe(self._now) if n in self._probes else b for n, b in self.breakers.items()
            }
            changes["breakers"] = {n: b.to_json() for n, b in probed.items()}
        return changes

    def _limits_of(self, model: str, state: Mapping[str, Any]) -> list[NamedLimit]:
        """Return the limits of one model, configured and learned."""
        limits, prefix, rate = self._limits.get(model, {}), f"{model}/", self.model_rpm(model)
        minute = calls_per_minute(prefix, limits, rate, state.get(f"{prefix}rpm"), state) if rate else []
        return [*minute, *named_limits(prefix, {**limits, "rpm": None}, state)]

    def _limiters_of(self, model: str) -> list[RateLimiter]:
        return (
            [self._limiter, self._model_limiters[model]] if model in self._model_limiters else [self._limiter]
        )

    def _breakers_of(self, model: str) -> dict[str, CircuitBreaker]:
        return {name: self.breakers[name] for name in ("", model) if name in self.breakers}


class ClosedBy(StrEnum):
    """What closes a channel for new calls, in order of precedence. What was started goes on."""

    TRIPPED = "tripped"  #: a failure that needs a person: key, balance, configuration
    DRAINING = "draining"  #: drained on request, until it is resumed
    PAUSED = "paused"  #: paused on request, until it is resumed
    BLOCKED = "blocked"  #: a failure of one model that needs a person
    UNUSED = "unused"  #: not in the settings any more, or disabled there
    COOLING = "cooling"  #: cool-down, until a time that the provider asked for


def closed_by(channel: Any, model: str, now: datetime) -> ClosedBy | None:
    """Return what closes a channel's row for a model (``""``: for all), or ``None`` if it is open.

    Limits and breakers do not count here: ``ChannelCapacity`` applies them.
    """
    until = channel.cooldown_until
    cooling = until is not None and now < until <= now + LONGEST_COOLDOWN + CLOCK_SKEW
    found = {
        ClosedBy.TRIPPED: channel.tripped_at is not None,
        ClosedBy.DRAINING: channel.draining_at is not None,
        ClosedBy.PAUSED: channel.paused_at is not None,
        ClosedBy.BLOCKED: model in channel.blocked_models,
        ClosedBy.UNUSED: not channel.configured,
        ClosedBy.COOLING: cooling,
    }
    return next((cause for cause, holds in found.items() if holds), None)


def closed_reason(channel: Any, model: str, now: datetime) -> WaitCause | None:
    """Return why a channel's row is closed for a model (``""``: for all), or ``None`` if it is open.

    The reason is ``paused`` or ``no_channel`` until a person acts, else ``cooldown``, or ``paused`` with
    its end.
    """
    name = channel.name
    match closed_by(channel, model, now):
        case None:
            return None
        case ClosedBy.TRIPPED:
            words = f"{name} needs a person: {channel.tripped_reason or 'its calls failed'}"
        case ClosedBy.DRAINING:
            words = f"{name} is draining: {channel.paused_reason or _NO_REASON}"
            return WaitCause(WaitReason.PAUSED, words, channel.paused_until)
        case ClosedBy.PAUSED:
            words = f"{name} is paused: {channel.paused_reason or _NO_REASON}"
            return WaitCause(WaitReason.PAUSED, words, channel.paused_until)
        case ClosedBy.BLOCKED:
            words = f"{name} does not take {model} now: {channel.blocked_models[model]}"
        case ClosedBy.UNUSED:
            return WaitCause(WaitReason.NO_CHANNEL, f"{name} is not in the settings.")
        case ClosedBy.COOLING:
            words = f"{name} cools down: {channel.cooldown_reason or _BY_REQUEST}"
            return WaitCause(WaitReason.COOLDOWN, words, channel.cooldown_until)
    return WaitCause(WaitReason.PAUSED, words)
