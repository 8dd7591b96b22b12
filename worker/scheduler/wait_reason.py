"""Wait status of a queued job: why it does not run yet, and when it may, by the scheduler's own rules.

A channel, the caller's own limits, or the workers' slots cause a wait; the cause that ends last is shown.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from models.api_keys import FROM_SETTINGS
from models.channels import serves
from models.ids import public_id
from models.queue_status import (
    ClosedCampaign,
    KeylessCaller,
    QueuedJob,
    SchedulerSnapshot,
    WaitCause,
    WaitReason,
    WaitStatus,
)
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity, closed_reason, in_flight_on
from worker.scheduler.fair_queue import CallerShare, caller_share_of, campaign_share_of

_LIMITS = {
    "rpm": ("calls per minute", "rpm"),
    "window": ("calls per minute", "rpm"),
    "rps": ("calls per second", "rps"),
    "rpd": ("calls per day (UTC)", "rpd"),
    "ipm": ("pictures per minute", "ipm"),
    "spread": ("pictures per minute", "ipm"),
}


def last_to_end(causes: list[WaitCause]) -> WaitCause | None:
    """Return the cause that ends last of those that end by themselves, else the first."""
    timed = [(cause.until, cause) for cause in causes if cause.until is not None]
    if timed:
        return max(timed, key=lambda pair: pair[0])[1]
    return causes[0] if causes else None


def stop_reason(channel: Any, model: str, at: datetime) -> WaitCause | None:
    """Return why a channel starts no call of a model until a person acts, or ``None``."""
    cause = closed_reason(channel, model, at)
    return None if cause is None or cause.until is not None else cause


def channel_cause(
    row: Any, channel: ChannelCapacity, model: str, images: int, at: datetime
) -> WaitCause | None:
    """Return what keeps a channel that is not stopped from starting such a call within the horizon."""
    closed = closed_reason(row, model, at), channel.model_cooldown(model)
    causes = [cause for cause in closed if cause is not None]
    if channel.breakers:
        causes += _breaker_causes(channel, model, at)
    if (start := channel.next_start(model, images, at)) > at + HORIZON:
        causes.append(_rate_cause(row, channel, model, images, at, start))
    if channel.headroom(model) <= 0:
        causes.append(_concurrency_cause(row, channel, model))
    return last_to_end(causes)


def caller_cause(row: Any, caller: CallerShare, images: int, at: datetime) -> WaitCause | None:
    """Return which of a caller's own limits keeps its calls from starting."""
    start = caller.limiter.next_start(images, at)
    if start > at + HORIZON:
        words = f"Your key's limit of {row.rpm:g} calls per minute."
        return WaitCause(WaitReason.RATE_LIMIT, words, start)
    if caller.headroom is not None and caller.headroom <= 0:
        in_flight = row.concurrency - caller.headroom
        words = f"Your key's limit of {row.concurrency} calls in flight; {in_flight} are."
        return WaitCause(WaitReason.CONCURRENCY, words)
    return None


def budget_cause(row: Any, at: datetime) -> WaitCause | None:
    """Return why the budget of a caller lets no call start."""
    if row.budget_closed_at is None or (
        row.budget_closed_until is not None and row.budget_closed_until <= at
    ):
        return None
    words = f"The budget of its caller: {row.budget_closed_detail}"
    return WaitCause(WaitReason.BUDGET, words, row.budget_closed_until)


def keyless_reason(caller: KeylessCaller) -> str:
    """Return why nothing is called for a caller without a usable key, and what to do."""
    if caller.name == FROM_SETTINGS:
        words = "The key of its caller is not in DARKROOM_API_KEYS or DARKROOM_ADMIN_KEYS any more"
        remedy = f"Put it back, or run `darkroom keys create NAME --caller {public_id('caller', caller.id)}`"
    else:
        words = f"Its caller {caller.name} has no usable key: all were revoked or have expired"
        remedy = f"Give it one: `darkroom keys create NAME --caller {public_id('caller', caller.id)}`"
    return f"{words}. {remedy}; or cancel the job."


_CLOSED = {
    WaitReason.CAMPAIGN_WINDOW: "Its campaign makes calls in its windows only, from its start time on.",
    WaitReason.CAMPAIGN_BUDGET: "The budget of its campaign is used up; raise it to go on.",
    WaitReason.CAMPAIGN_FAILING: "Most of the last items of its campaign failed; see why, then resume it.",
    WaitReason.CAMPAIGN_CANARY: "The canary of its campaign has ended; look at it, then approve it.",
}


def closed_words(campaign: ClosedCampaign) -> str:
    """Return why none of a campaign's jobs starts, and what to do."""
    words = _CLOSED.get(campaign.reason, "Its campaign is paused; resume it to go on.")
    return f"{words} ({campaign.detail})" if campaign.detail else words


def _breaker_causes(channel: ChannelCapacity, model: str, at: datetime) -> Iterator[WaitCause]:
    for name in ("", model):
        breaker = channel.breakers.get(name)
        if breaker is None or breaker.allowed_calls(at) != 0:
            continue
        what, why = f"{channel.name}{f' ({name})' if name else ''}", breaker.reason or "no answer"
        if breaker.state(at) == "open":
            words = f"{what} gets no calls after {breaker.failures} failures in a row: {why}"
            yield WaitCause(WaitReason.COOLDOWN, words, breaker.until)
        else:
            words = f"One call tests whether {what} works again; it failed: {why}"
            yield WaitCause(WaitReason.COOLDOWN, words)


def _rate_cause(
    row: Any, channel: ChannelCapacity, model: str, images: int, at: datetime, start: datetime
) -> WaitCause:
    """Return the limit that puts a start off until ``start``."""
    of_model, _, kind = (channel.binding_limit(model, images, at) or "rpm").rpartition("/")
    unit, setting = _LIMITS[kind]
    limits = {"rpm": row.rpm, **row.limits.get("", {})} if not of_model else row.limits.get(of_model, {})
    limit = limits.get(setting)
    now = channel.model_rpm(of_model) if of_model else channel.rpm
    if kind == "rpm" and now != limit:
        what = f"{row.name} ({of_model})" if of_model else row.name
        words = f"{what}: the provider refused faster calls; about {now or 0:.3g} a minute are made now."
    else:
        words = f"The limit of {row.name}{f' for {of_model}' if of_model else ''}: {limit:g} {unit}."
    return WaitCause(WaitReason.RATE_LIMIT, words, start)


def _concurrency_cause(row: Any, channel: ChannelCapacity, model: str) -> WaitCause:
    """Return what keeps a channel without headroom from taking a call."""
    in_flight = channel.in_flight(model)
    limit, set_ = channel.model_concurrency(model), (row.limits.get(model) or {}).get("concurrency")
    if channel.in_flight() < channel.concurrency and limit is not None and in_flight >= limit:
        words = f"{row.name} has {in_flight} of {limit} calls of {model} in flight."
        if limit != set_:
            words = (
                f"{row.name} has {in_flight} calls of {model} in flight; the provider refused more, "
                f"{limit} at once are made now."
            )
    elif channel.in_flight() < channel.concurrency:
        words = (
            f"{row.name} starts its calls slowly, since it is new, was idle or closed; "
            f"{channel.in_flight()} are in flight."
        )
    elif channel.concurrency < row.concurrency:
        words = (
            f"{row.name} has {channel.in_flight()} calls in flight; the provider refused more, "
            f"{channel.concurrency} at once are made now."
        )
    else:
        words = f"{row.name} has {channel.in_flight()} of {channel.concurrency} calls in flight."
    return WaitCause(WaitReason.CONCURRENCY, words)


class SchedulerView:
    """The scheduler's state at one moment, for reading: what the dispatcher would do with a job."""

    def __init__(self, snapshot: SchedulerSnapshot, at: datetime) -> None:
        self.snapshot, self.at = snapshot, at
        self.channels = [
            (row, ChannelCapacity(row, in_flight_on(row.id, snapshot.calls), at))
            for row in snapshot.channels
            if row.configured
        ]
        self._callers = {row.id: (row, caller_share_of(row, snapshot.calls)) for row in snapshot.callers}
        self._keyless = {caller.id: caller for caller in snapshot.keyless}
        self._closed = {(each.caller_id, each.name): each for each in snapshot.closed}
        self._limited = {(row.caller_id, row.name): row for row in snapshot.limited}

    def caller(self, caller_id: UUID) -> Any | None:
        """Return the row of a caller that has limits of its own."""
        known = self._callers.get(caller_id)
        return known[0] if known else None

    def keyless(self, caller_id: UUID) -> KeylessCaller | None:
        """Return a caller if it has no usable key: its jobs are not started."""
        return self._keyless.get(caller_id)

    def closed_campaign(self, caller_id: UUID, campaign: str | None) -> ClosedCampaign | None:
        """Return a caller's campaign if none of its jobs is leased now."""
        return self._closed.get((caller_id, campaign)) if campaign is not None else None

    def channels_for(self, model: str) -> list[tuple[Any, ChannelCapacity]]:
        """Return the channels that serve a model and wait for no person."""
        return [(row, channel) for row, channel in self.channels if self._takes(row, model)]

    def slots_for(self, model: str) -> int:
        """Return how many calls of a model may be in flight: on its open channels, in the live workers.

        Rate limits and slow starts do not count: they delay calls, and take no slot.
        """
        calls = sum(
            min(channel.concurrency, channel.model_concurrency(model) or channel.concurrency)
            for row, channel in self.channels_for(model)
            if closed_reason(row, model, self.at) is None and channel.serves(model)
        )
        return min(calls, self.snapshot.slots)

    def serves(self, model: str) -> bool:
        """Return whether a configured channel serves a model, in whatever state it is."""
        return any(serves(row.models, model) for row, _ in self.channels)

    def share_channel(self, model: str, other: str) -> bool:
        """Return whether jobs of two models may start on the same channel."""
        return model == other or any(
            self._takes(row, model) and self._takes(row, other) for row, _ in self.channels
        )

    def wait_status(self, job: QueuedJob) -> WaitStatus:
        """Return why a queued job does not run now."""
        if (keyless := self._keyless.get(job.caller_id)) is not None:
            since = max(job.since, keyless.since)
            return WaitStatus(WaitReason.PAUSED, keyless_reason(keyless), since)
        if (owner := self.caller(job.caller_id)) is not None and (spent := budget_cause(owner, self.at)):
            return WaitStatus(spent.reason, spent.detail, max(job.since, owner.budget_closed_at), spent.until)
        if (closed := self.closed_campaign(job.caller_id, job.campaign)) is not None:
            return WaitStatus(closed.reason, closed_words(closed), max(job.since, closed.since), closed.until)
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
        if not self.channels_for(job.model):
            return self._all_stopped(job, serving)
        if self.snapshot.workers_alive == 0:
            words = "No worker is running; start one with `darkroom work`."
            return WaitStatus(WaitReason.NO_WORKER, words, job.since)
        causes = self._channel_causes(job)
        if known := self._callers.get(job.caller_id):
            causes += filter(None, [caller_cause(*known, job.images, self.at)])
        causes += filter(None, [self._campaign_cause(job)])
        if self.snapshot.slots_used >= self.snapshot.slots:
            words = f"All {self.snapshot.slots} slots of the workers are in use."
            causes.append(WaitCause(WaitReason.CONCURRENCY, words))
        cause = last_to_end(causes)
        if cause is None:
            words = "It is next in turn, or others are before it."
            if error := self.snapshot.broker_error:
                words += f" Workers look for it in the database, since the broker is unusable: {error}."
            return WaitStatus(WaitReason.FAIR_SHARE, words, job.since)
        return WaitStatus(cause.reason, cause.detail, job.since, cause.until)

    def _campaign_cause(self, job: QueuedJob) -> WaitCause | None:
        """Return which of its campaign's own limits keeps a job from starting."""
        row = self._limited.get((job.caller_id, job.campaign)) if job.campaign is not None else None
        if row is None:
            return None
        calls = self.snapshot.campaign_calls.get((row.caller_id, row.name), 0)
        share = campaign_share_of(row, calls)
        if (start := share.limiter.next_start(job.images, self.at)) > self.at + HORIZON:
            words = f"The limit of its campaign: {row.rpm:g} calls per minute."
            return WaitCause(WaitReason.CAMPAIGN_LIMIT, words, start)
        if share.headroom is not None and share.headroom <= 0:
            words = f"The limit of its campaign: {row.concurrency} calls in flight; {calls} are."
            return WaitCause(WaitReason.CAMPAIGN_LIMIT, words)
        return None

    def _takes(self, row: Any, model: str) -> bool:
        return serves(row.models, model) and stop_reason(row, model, self.at) is None

    def _channel_causes(self, job: QueuedJob) -> list[WaitCause]:
        """Return the cause that may end first over the channels; none if a channel can start the job."""
        causes = list[WaitCause]()
        for row, channel in self.channels_for(job.model):
            cause = channel_cause(row, channel, job.model, job.images, self.at)
            if cause is None:
                return []
            causes.append(cause)
        return [min(causes, key=lambda cause: cause.until or self.at)]

    def _all_stopped(self, job: QueuedJob, serving: Sequence[Any]) -> WaitStatus:
        times = [
            max(job.since, row.tripped_at or row.draining_at or row.paused_at or job.since) for row in serving
        ]
        causes = [cause for row in serving if (cause := stop_reason(row, job.model, self.at))]
        return WaitStatus(WaitReason.PAUSED, "; ".join(cause.detail for cause in causes), max(times))
