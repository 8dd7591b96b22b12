"""Why a queued job does not run yet, and when it may: a pure function of the job and the gate's state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.channels import serves


class Reason(StrEnum):
    """What a queued job waits for. The first that applies is told."""

    NOT_BEFORE = "not_before"  #: the time that its caller chose
    BACKOFF = "backoff"  #: the time after a failed call
    NO_CHANNEL = "no_channel"  #: somebody to configure a channel for its model
    PAUSED = "paused"  #: somebody to resume, or repair, the channels of its model
    NO_WORKER = "no_worker"  #: a worker process
    COOLDOWN = "cooldown"  #: the end of a pause that the provider asked for
    RATE_LIMIT = "rate_limit"  #: the channel's next allowed start
    CONCURRENCY = "concurrency"  #: a call in flight to end
    FAIR_SHARE = "fair_share"  #: its turn among the others


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """What of a channel decides whether a job may start on it."""

    name: str
    models: Sequence[str]
    concurrency: int
    in_flight: int = 0
    paused_at: datetime | None = None
    paused_reason: str | None = None
    tripped_at: datetime | None = None
    tripped_reason: str | None = None
    blocked_models: Mapping[str, str] = field(default_factory=dict)
    cooldown_until: datetime | None = None
    cooldown_reason: str | None = None
    next_start_at: datetime | None = None

    def stopped(self, model: str) -> str | None:
        """Say in words why nothing of this model starts until a person acts, or ``None``."""
        if self.paused_at is not None:
            return f"{self.name} is paused: {self.paused_reason or 'no reason was given'}"
        if self.tripped_at is not None:
            return f"{self.name} needs a person: {self.tripped_reason or 'its calls failed'}"
        if model in self.blocked_models:
            return f"{self.name} does not do {model} now: {self.blocked_models[model]}"
        return None


@dataclass(frozen=True, slots=True)
class Gate:
    """All configured channels, and how many workers are alive."""

    channels: Sequence[ChannelState]
    workers_alive: int


@dataclass(frozen=True, slots=True)
class Queued:
    """What of a queued job decides when it may start. ``since``: when it was queued."""

    model: str
    not_before: datetime
    backing_off: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """The answer: why, in words, since when, and when it may be over (``None``: nobody knows)."""

    reason: Reason
    detail: str
    since: datetime
    next_eligible_at: datetime | None = None


def waiting(job: Queued, gate: Gate, at: datetime) -> Waiting:
    """Tell why a queued job does not run at the time ``at``."""
    if job.not_before > at:
        if job.backing_off:
            return Waiting(Reason.BACKOFF, "It is tried again later.", job.since, job.not_before)
        return Waiting(Reason.NOT_BEFORE, "Its caller chose this time.", job.since, job.not_before)
    serving = [channel for channel in gate.channels if serves(channel.models, job.model)]
    if not serving:
        return Waiting(Reason.NO_CHANNEL, f"No channel serves the model {job.model}.", job.since)
    going = [channel for channel in serving if channel.stopped(job.model) is None]
    if not going:
        return _paused(job, serving)
    if gate.workers_alive == 0:
        return Waiting(Reason.NO_WORKER, "No worker is running; start one with `darkroom work`.", job.since)
    return _limited(job, going, at)


def _paused(job: Queued, serving: Sequence[ChannelState]) -> Waiting:
    times = [max(job.since, channel.paused_at or channel.tripped_at or job.since) for channel in serving]
    words = "; ".join(words for channel in serving if (words := channel.stopped(job.model)))
    return Waiting(Reason.PAUSED, words, max(times))


def _limited(job: Queued, going: Sequence[ChannelState], at: datetime) -> Waiting:
    """Some channel could take it: the least of its hindrances is the reason."""
    warm = [channel for channel in going if not (channel.cooldown_until and channel.cooldown_until > at)]
    if not warm:
        first, until = _soonest(going, lambda channel: channel.cooldown_until)
        detail = f"{first.name} cools down: {first.cooldown_reason or 'its provider asked for it'}"
        return Waiting(Reason.COOLDOWN, detail, job.since, until)
    open_now = [channel for channel in warm if not (channel.next_start_at and channel.next_start_at > at)]
    if not open_now:
        first, until = _soonest(warm, lambda channel: channel.next_start_at)
        return Waiting(Reason.RATE_LIMIT, f"The rate limit of {first.name}.", job.since, until)
    if all(channel.in_flight >= channel.concurrency for channel in open_now):
        most = max(open_now, key=lambda channel: channel.concurrency)
        detail = f"{most.name} has {most.in_flight} of {most.concurrency} calls in flight."
        return Waiting(Reason.CONCURRENCY, detail, job.since)
    return Waiting(Reason.FAIR_SHARE, "It is next in turn, or others are before it.", job.since)


def _soonest(
    channels: Sequence[ChannelState], when: Callable[[ChannelState], datetime | None]
) -> tuple[ChannelState, datetime]:
    return min(
        ((channel, moment) for channel in channels if (moment := when(channel)) is not None),
        key=lambda pair: pair[1],
    )
