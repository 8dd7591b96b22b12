"""ETA of a queued job (p50, p90): from its position, the throughput of its channels, and their durations."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, quantiles
from typing import Any

from models.queue_status import QueuedJob, WaitReason, WaitStatus
from worker.scheduler.channel_capacity import ChannelCapacity
from worker.scheduler.queue_position import QueuePosition
from worker.scheduler.wait_reason import SchedulerView

_NEEDS_PERSON = (
    *(WaitReason.NO_CHANNEL, WaitReason.PAUSED, WaitReason.NO_WORKER),
    *(WaitReason.BUDGET, WaitReason.CAMPAIGN_PAUSED, WaitReason.CAMPAIGN_BUDGET),
    *(WaitReason.CAMPAIGN_FAILING, WaitReason.CAMPAIGN_CANARY),
)
_MIN_SUCCESS_RATE = 1 / 3  # a job is called three times at most, unless it allows more
_P90 = 1.2816  # standard deviations above the mean, of a normal distribution
CALL = "call"  #: limiting factor: only the call itself takes time


@dataclass(frozen=True, slots=True)
class CallDurations:
    """Durations of a channel's recent calls, in seconds, and the share that succeeded."""

    mean: float
    deviation: float
    p50: float
    p90: float
    success_rate: float

    @classmethod
    def from_calls(cls, calls: Iterable[Any]) -> "CallDurations | None":
        """Make it of rows of (sent_at, finished_at, outcome); ``None`` if none has ended."""
        ended = [call for call in calls if call.finished_at is not None]
        good = [call for call in ended if call.outcome == "success"] or ended
        seconds = [max((call.finished_at - call.sent_at).total_seconds(), 0.001) for call in good]
        if not seconds:
            return None
        deciles = quantiles(seconds * 2 if len(seconds) == 1 else seconds, n=10, method="inclusive")
        success_rate = sum(call.outcome == "success" for call in ended) / len(ended)
        return cls(
            fmean(seconds), pstdev(seconds), deciles[4], deciles[8], max(success_rate, _MIN_SUCCESS_RATE)
        )


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until the job is done: median and 90th percentile; ``None``: unknown."""

    p50: float | None
    p90: float | None
    limiting_factor: str


@dataclass(frozen=True, slots=True)
class Throughput:
    """Jobs per second of all channels of a model together, their concurrency, and what bounds them."""

    rate: float
    concurrency: int
    durations: CallDurations
    limiting_factor: str


def eta_of(
    job: QueuedJob,
    status: WaitStatus,
    position: QueuePosition | None,
    view: SchedulerView,
    durations: Mapping[str, CallDurations],
) -> Eta:
    """Return when a queued job may be done. ``position``: ``None`` if it is not due."""
    if status.reason in _NEEDS_PERSON:
        return Eta(None, None, status.reason.value)
    wait = (status.next_eligible_at - view.at).total_seconds() if status.next_eligible_at else 0.0
    flow = throughput(job, view, durations)
    if flow is None:
        return Eta(None, None, status.reason.value)
    place = position.overall if position else 1
    queue, factor = max((place - 1) / flow.rate, 0.0), flow.limiting_factor
    if position is not None:
        queue, factor = max((queue, factor), _caller_wait(job, position.own, view, flow))
    if status.reason is WaitReason.CONCURRENCY and place == 1:
        queue = 1 / flow.rate
    spread = _P90 * flow.durations.deviation * math.sqrt(place) / flow.concurrency
    if wait >= queue and status.reason is not WaitReason.FAIR_SHARE:
        factor = status.reason.value
    elif place == 1 and status.reason is WaitReason.FAIR_SHARE:
        factor = CALL
    begins = wait + queue
    if job.backing_off and status.reason is WaitReason.BACKOFF:  # a job that failed may fail once more
        spread += (job.not_before - job.since).total_seconds()
    return Eta(begins + flow.durations.p50, begins + spread + flow.durations.p90, factor)


def throughput(
    job: QueuedJob, view: SchedulerView, durations: Mapping[str, CallDurations]
) -> Throughput | None:
    """Return the throughput of the open channels of a job's model; ``None`` without recent calls."""
    going = view.channels_for(job.model)
    known = [durations[row.name] for row, _ in going if row.name in durations]
    if not known:
        return None
    usual = _average(known)
    rates, total, bounds = 0.0, 0, list[tuple[float, str]]()
    for row, channel in going:
        calls = durations.get(row.name, usual)
        concurrency = _concurrency(row, channel, job.model)
        limit, full = _rate(row, channel, job), concurrency / calls.mean
        rates, total = rates + min(limit, full) * calls.success_rate, total + concurrency
        bounds.append((min(limit, full), "rate_limit" if limit < full else "concurrency"))
    slots = max(view.snapshot.slots, 1)
    slots_rate = slots / usual.mean * usual.success_rate
    if slots_rate < rates:
        return Throughput(slots_rate, slots, usual, "worker_slots")
    return Throughput(rates, max(total, 1), usual, max(bounds)[1])


def _average(durations: Sequence[CallDurations]) -> CallDurations:
    names = ("mean", "deviation", "p50", "p90", "success_rate")
    return CallDurations(*(fmean(getattr(each, name) for each in durations) for name in names))


def _concurrency(row: Any, channel: ChannelCapacity, model: str) -> int:
    own = (row.limits.get(model) or {}).get("concurrency") or channel.concurrency
    return max(min(own, channel.concurrency), 1)


def _rate(row: Any, channel: ChannelCapacity, job: QueuedJob) -> float:
    """Return the calls per second that the limits allow."""
    rates = [channel.rpm / 60] if channel.rpm else []
    for limits in (row.limits.get("") or {}, row.limits.get(job.model) or {}):
        rates += [limits[name] / seconds for name, seconds in (("rpm", 60), ("rps", 1)) if limits.get(name)]
        rates += [limits["ipm"] / 60 / channel.images_of_call(job.images)] if limits.get("ipm") else []
    return min(rates, default=math.inf)


def _caller_wait(job: QueuedJob, own: int, view: SchedulerView, flow: Throughput) -> tuple[float, str]:
    """Return the seconds that the caller's own limits delay the job, and which limit does."""
    caller = view.caller(job.caller_id)
    limits = [
        (caller.rpm / 60 if caller and caller.rpm else math.inf, "rate_limit"),
        (
            caller.concurrency / flow.durations.mean if caller and caller.concurrency else math.inf,
            "concurrency",
        ),
    ]
    rate, factor = min(limits)
    return max((own - 1) / (rate * flow.durations.success_rate), 0.0), factor
