"""What keeps a channel, or a caller's own limits, from starting a call of a model now."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from models.channels import serves
from models.queue_status import QueuedJob, SchedulerSnapshot, WaitCause, WaitReason, WaitStatus
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity, closed_reason, in_flight_on
from worker.scheduler.fair_queue import CallerShare, caller_share_of

_LIMITS = {
    "rpm": ("calls per minute", "rpm"),
    "window": ("calls per minute", "rpm"),
    "rps": ("calls per second", "rps"),
    "rpd": ("calls per day (UTC)", "rpd"),
    "ipm": ("pictures per minute", "ipm"),
    "spread": ("pictures per minute", "ipm"),
}


def last_to_end(hindrances: list[WaitCause]) -> WaitCause | None:
    """Return the one that lasts longest of those that end by themselves, else the first."""
    timed = [(each.until, each) for each in hindrances if each.until is not None]
    if timed:
        return max(timed, key=lambda pair: pair[0])[1]
    return hindrances[0] if hindrances else None


def stop_reason(channel: Any, model: str, at: datetime) -> WaitCause | None:
    """Return why a channel starts no call of a model until a person acts, or ``None``."""
    cause = closed_reason(channel, model, at)
    return None if cause is None or cause.until is not None else cause


def channel_cause(
    channel: Any, outlet: ChannelCapacity, model: str, pictures: int, at: datetime
) -> WaitCause | None:
    """Return what keeps a channel that nobody stopped from starting such a call within the gate's horizon."""
    return last_to_end(
        [
            *_cooling(channel, model, at),
            *_broken(outlet, model, at),
            *_late(channel, outlet, model, pictures, at),
            *_full(channel, outlet, model),
        ]
    )


def caller_cause(caller: Any, caller_share: CallerShare, pictures: int, at: datetime) -> WaitCause | None:
    """Return what of a caller's own limits keeps its calls from starting."""
    start = caller_share.limiter.next_start(pictures, at)
    if start > at + HORIZON:
        return WaitCause(
            WaitReason.RATE_LIMIT, f"Your key's limit of {caller.rpm:g} calls per minute.", start
        )
    if caller_share.headroom is not None and caller_share.headroom <= 0:
        busy = caller.concurrency - caller_share.headroom
        return WaitCause(
            WaitReason.CONCURRENCY, f"Your key's limit of {caller.concurrency} calls in flight; {busy} are."
        )
    return None


def _cooling(channel: Any, model: str, at: datetime) -> Iterator[WaitCause]:
    if (cause := closed_reason(channel, model, at)) is not None:
        yield cause


def _broken(channel: ChannelCapacity, model: str, at: datetime) -> Iterator[WaitCause]:
    for name in ("", model):
        breaker = channel.breakers.get(name)
        if breaker is None or breaker.allowed_calls(at) != 0:
            continue
        what, why = f"{channel.name}{f' ({name})' if name else ''}", breaker.reason or "no answer"
        if breaker.state(at) == "open":
            words = f"{what} is left alone after {breaker.failures} failures in a row: {why}"
            yield WaitCause(WaitReason.COOLDOWN, words, breaker.until)
        else:
            yield WaitCause(
                WaitReason.COOLDOWN, f"One call tests whether {what} works again; it failed: {why}"
            )


def _late(
    channel: Any, outlet: ChannelCapacity, model: str, pictures: int, at: datetime
) -> Iterator[WaitCause]:
    start = outlet.next_start(model, pictures, at)
    if start <= at + HORIZON:
        return
    of_model, _, kind = (outlet.binding_limit(model, pictures, at) or "rpm").rpartition("/")
    if kind == "rpm" and not of_model and outlet.rpm != channel.rpm:
        rate = f"about {outlet.rpm or 0:.3g} a minute are made now"
        words = f"{channel.name}: the provider refused faster calls; {rate}."
    else:
        unit, setting = _LIMITS[kind]
        limit = channel.rpm if setting == "rpm" and not of_model else channel.limits[of_model][setting]
        words = f"The limit of {channel.name}{f' for {of_model}' if of_model else ''}: {limit:g} {unit}."
    yield WaitCause(WaitReason.RATE_LIMIT, words, start)


def _full(channel: Any, outlet: ChannelCapacity, model: str) -> Iterator[WaitCause]:
    if outlet.headroom(model) > 0:
        return
    busy = outlet.in_flight(model)
    limit = (channel.limits.get(model) or {}).get("concurrency")
    if outlet.in_flight() < outlet.concurrency and limit and busy >= limit:
        words = f"{channel.name} has {busy} of {limit} calls of {model} in flight."
    elif outlet.in_flight() < outlet.concurrency:
        words = (
            f"{channel.name} takes up its calls slowly, since it is new, was idle or shut; "
            f"{outlet.in_flight()} are in flight."
        )
    elif outlet.concurrency < channel.concurrency:
        words = (
            f"{channel.name} has {outlet.in_flight()} calls in flight; the provider refused more, "
            f"{outlet.concurrency} at once are made now."
        )
    else:
        words = f"{channel.name} has {outlet.in_flight()} of {outlet.concurrency} calls in flight."
    yield WaitCause(WaitReason.CONCURRENCY, words)


# Why a queued job does not run yet, and when it may: asked of the gate's own rules, for one moment.


class SchedulerView:
    """The gate at one moment. It takes nothing; many jobs may be asked about."""

    def __init__(self, snapshot: SchedulerSnapshot, at: datetime) -> None:
        self.snapshot, self.at = snapshot, at
        self.channels = [
            (row, ChannelCapacity(row, in_flight_on(row.id, snapshot.calls), at))
            for row in snapshot.channels
            if row.configured
        ]
        self._callers = {row.id: (row, caller_share_of(row, snapshot.calls)) for row in snapshot.callers}

    def caller(self, caller_id: UUID) -> Any | None:
        """Return the row of a caller that has limits of its own."""
        known = self._callers.get(caller_id)
        return known[0] if known else None

    def share_channel(self, model: str, other: str) -> bool:
        """Tell whether jobs of two models may start on the same channel."""
        return model == other or any(
            all(
                serves(row.models, each) and stop_reason(row, each, self.at) is None
                for each in (model, other)
            )
            for row, _ in self.channels
        )

    def wait_status(self, job: QueuedJob) -> WaitStatus:
        """Tell why a queued job does not run now."""
        if job.not_before > self.at:
            reason, words = (
                (WaitReason.BACKOFF, "Its last call failed; it is tried again then.")
                if job.backing_off
                else (WaitReason.NOT_BEFORE, "Its caller chose this time.")
            )
            return WaitStatus(reason, words, job.since, job.not_before)
        serving = [row for row, _ in self.channels if serves(row.models, job.model)]
        if not serving:
            return WaitStatus(WaitReason.NO_CHANNEL, f"No channel serves the model {job.model}.", job.since)
        if all(stop_reason(row, job.model, self.at) for row in serving):
            return _stopped(job, serving, self.at)
        if self.snapshot.workers_alive == 0:
            return WaitStatus(
                WaitReason.NO_WORKER, "No worker is running; start one with `darkroom work`.", job.since
            )
        found = last_to_end([*self._channel_causes(job), *self._caller_causes(job), *self._slot_causes()])
        if found is None:
            return WaitStatus(
                WaitReason.FAIR_SHARE, "It is next in turn, or others are before it.", job.since
            )
        return WaitStatus(found.reason, found.detail, job.since, found.until)

    def _channel_causes(self, job: QueuedJob) -> Sequence[WaitCause]:
        """Return the least hindrance over the channels: that which may be over first."""
        each = [
            channel_cause(row, channel, job.model, job.images, self.at)
            for row, channel in self.channels
            if serves(row.models, job.model) and stop_reason(row, job.model, self.at) is None
        ]
        known = [hindrance for hindrance in each if hindrance is not None]
        if len(known) < len(each):
            return []
        return [min(known, key=lambda hindrance: hindrance.until or self.at)]

    def _caller_causes(self, job: QueuedJob) -> Sequence[WaitCause]:
        caller = self._callers.get(job.caller_id)
        found = caller_cause(*caller, job.images, self.at) if caller else None
        return [found] if found else []

    def _slot_causes(self) -> Sequence[WaitCause]:
        if self.snapshot.slots_used < self.snapshot.slots:
            return []
        return [
            WaitCause(WaitReason.CONCURRENCY, f"All {self.snapshot.slots} slots of the workers are in use.")
        ]


def _stopped(job: QueuedJob, serving: Sequence[Any], at: datetime) -> WaitStatus:
    times = [
        max(job.since, row.tripped_at or row.draining_at or row.paused_at or job.since) for row in serving
    ]
    words = "; ".join(cause.detail for row in serving if (cause := stop_reason(row, job.model, at)))
    return WaitStatus(WaitReason.PAUSED, words, max(times))
