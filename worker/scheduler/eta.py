"""When a queued job may be done: from its place, the pace of its channels, and how long their calls took."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, quantiles
from typing import Any

from models.channels import serves
from models.queue_status import QueuedJob, WaitReason, WaitStatus
from worker.scheduler.channel_capacity import ChannelCapacity
from worker.scheduler.queue_position import QueuePosition
from worker.scheduler.wait_reason import SchedulerView, stop_reason

_BY_A_PERSON = (WaitReason.NO_CHANNEL, WaitReason.PAUSED, WaitReason.NO_WORKER)
_LEAST_SHARE = 0.05  # of calls that succeed; below it an end can't be foreseen, but is not infinitely far
_NINETY = 1.2816  # standard deviations above the mean, below which nine of ten lie
CALL = "call"  #: a limiting factor: only the call itself takes time


@dataclass(frozen=True, slots=True)
class CallDurations:
    """How the calls of a channel went lately, in seconds; ``share``: of them that succeeded."""

    mean: float
    deviation: float
    p50: float
    p90: float
    success_rate: float

    @classmethod
    def from_calls(cls, calls: Iterable[Any]) -> "CallDurations | None":
        """Take it from rows of (sent_at, finished_at, outcome); ``None`` if none has succeeded."""
        ended = [call for call in calls if call.finished_at is not None]
        good = [call for call in ended if call.outcome == "success"] or ended
        seconds = [max((call.finished_at - call.sent_at).total_seconds(), 0.001) for call in good]
        if not seconds:
            return None
        tenths = quantiles(seconds * 2 if len(seconds) == 1 else seconds, n=10, method="inclusive")
        share = sum(call.outcome == "success" for call in ended) / len(ended)
        return cls(fmean(seconds), pstdev(seconds), tenths[4], tenths[8], max(share, _LEAST_SHARE))


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until the end, in half of such cases and in nine of ten; ``None``: nobody knows."""

    p50: float | None
    p90: float | None
    limiting_factor: str


@dataclass(frozen=True, slots=True)
class Throughput:
    """Jobs per second of all channels of a model together, and what bounds them."""

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
    """Say when a queued job may be done. ``standing``: ``None`` if it is not due."""
    if status.reason in _BY_A_PERSON:
        return Eta(None, None, status.reason.value)
    wait = (status.next_eligible_at - view.at).total_seconds() if status.next_eligible_at else 0.0
    flow = throughput(job, view, durations)
    if flow is None:
        return Eta(None, None, status.reason.value)
    place = position.overall if position else 1
    queue, factor = max((place - 1) / flow.rate, 0.0), flow.limiting_factor
    if position is not None:
        queue, factor = max((queue, factor), _own(job, position.own, view, flow))
    if status.reason is WaitReason.CONCURRENCY and place == 1:
        queue = 1 / flow.rate
    spread = _NINETY * flow.durations.deviation * math.sqrt(place) / flow.concurrency
    if wait >= queue and status.reason is not WaitReason.FAIR_SHARE:
        factor = status.reason.value
    elif place == 1 and status.reason is WaitReason.FAIR_SHARE:
        factor = CALL
    begins = wait + queue
    return Eta(begins + flow.durations.p50, begins + spread + flow.durations.p90, factor)


def throughput(
    job: QueuedJob, view: SchedulerView, durations: Mapping[str, CallDurations]
) -> Throughput | None:
    """Return what the open channels of a job's model bring about together; ``None`` if no call tells."""
    going = [
        (row, channel)
        for row, channel in view.channels
        if serves(row.models, job.model) and stop_reason(row, job.model, view.at) is None
    ]
    known = [durations[row.name] for row, _ in going if row.name in durations]
    if not known:
        return None
    usual = _together(known)
    rates, at_once, bounds = 0.0, 0, list[tuple[float, str]]()
    for row, channel in going:
        tempo = durations.get(row.name, usual)
        slots = _at_once(row, channel, job.model)
        limit, full = _rate(row, channel, job), slots / tempo.mean
        rates, at_once = rates + min(limit, full) * tempo.success_rate, at_once + slots
        bounds.append((min(limit, full), "rate_limit" if limit < full else "concurrency"))
    slots_rate = max(view.snapshot.slots, 1) / usual.mean * usual.success_rate
    if slots_rate < rates:
        return Throughput(slots_rate, max(view.snapshot.slots, 1), usual, "worker_slots")
    return Throughput(rates, max(at_once, 1), usual, max(bounds)[1])


def _together(durations: Sequence[CallDurations]) -> CallDurations:
    return CallDurations(
        *(
            fmean(getattr(tempo, name) for tempo in durations)
            for name in ("mean", "deviation", "p50", "p90", "success_rate")
        )
    )


def _at_once(row: Any, channel: ChannelCapacity, model: str) -> int:
    own = (row.limits.get(model) or {}).get("concurrency") or channel.concurrency
    return max(min(own, channel.concurrency), 1)


def _rate(row: Any, channel: ChannelCapacity, job: QueuedJob) -> float:
    """Return the calls per second that limits allow."""
    rates = [channel.rpm / 60] if channel.rpm else []
    for limits in (row.limits.get("") or {}, row.limits.get(job.model) or {}):
        rates += [limits[name] / seconds for name, seconds in (("rpm", 60), ("rps", 1)) if limits.get(name)]
        rates += [limits["ipm"] / 60 / job.images] if limits.get("ipm") else []
    return min(rates, default=math.inf)


def _own(job: QueuedJob, own: int, view: SchedulerView, flow: Throughput) -> tuple[float, str]:
    """Return how many seconds the caller's own limits make the job wait, and which does."""
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
