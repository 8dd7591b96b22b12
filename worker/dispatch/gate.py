"""What a channel's limits allow, and how callers share it: pure decisions."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.channels import serves
from models.queries.lanes import Lane

HORIZON = timedelta(seconds=2)  #: how far ahead starts are promised


@dataclass(frozen=True, slots=True)
class Openings:
    """Start times that may be given out, in order, and the limiter's state behind each."""

    starts: tuple[datetime, ...]
    interval: timedelta

    def state_after(self, used: int, before: datetime | None) -> datetime | None:
        """Return the earliest start of the next call once ``used`` openings are taken."""
        return self.starts[used - 1] + self.interval if used and self.interval else before


def openings(channel: Any, *, in_flight: int, slots: int, now: datetime) -> Openings:
    """Say which starts the rate limit, the concurrency limit and the worker's free slots allow.

    The rate limit is the generic cell rate algorithm (ITU-T I.371) with a burst of one: starts are spread
    evenly, so that no window of 60 s holds more than the limit.
    """
    count = max(min(slots, channel.concurrency - in_flight), 0)
    if channel.rpm is None:
        return Openings((now,) * count, timedelta())
    interval = timedelta(seconds=60 / channel.rpm)
    first = max(channel.next_start_at or now, now)
    starts: list[datetime] = []
    while len(starts) < count and (start := first + interval * len(starts)) <= now + HORIZON:
        starts.append(start)
    return Openings(tuple(starts), interval)


def closed(channel: Any, now: datetime) -> bool:
    """Tell whether a channel starts nothing at all now."""
    cooling = channel.cooldown_until is not None and channel.cooldown_until > now
    return (
        not channel.configured or channel.paused_at is not None or channel.tripped_at is not None or cooling
    )


def lanes_for(channel: Any, lanes: Sequence[Lane], now: datetime) -> list[Lane]:
    """Return the lanes that a channel may take from now."""
    return [
        lane
        for lane in lanes
        if lane.due_at <= now
        and lane.model not in channel.blocked_models
        and serves(channel.models, lane.model)
    ]


def share(lanes: Sequence[Lane], count: int, turn: UUID | None) -> list[tuple[Lane, int]]:
    """Offer openings to callers in turn, beginning after ``turn``; a caller's higher priorities come first.

    Each lane is offered what its caller could get at most; ``interleave`` then deals out what was found.
    """
    by_caller: dict[UUID, list[Lane]] = defaultdict(list)
    for lane in sorted(lanes, key=lambda lane: (-lane.priority, lane.due_at, lane.model)):
        by_caller[lane.caller_id].append(lane)
    order = in_turn(list(by_caller), turn)[: max(count, 1)]
    return [(lane, count) for caller in order for lane in by_caller[caller]] if count else []


def in_turn(callers: Sequence[UUID], turn: UUID | None) -> list[UUID]:
    """Return callers in round-robin order: first those behind the one that was served last."""
    ordered = sorted(callers)
    return [c for c in ordered if turn is None or c > turn] + [
        c for c in ordered if turn is not None and c <= turn
    ]


def interleave(
    shares: Sequence[tuple[Lane, int]], picked: Mapping[tuple[str, UUID, int], Sequence[UUID]], count: int
) -> list[tuple[UUID, UUID]]:
    """Deal out openings one caller at a time; return (caller, job) in starting order."""
    queues: dict[UUID, deque[UUID]] = {}
    for lane, _ in shares:
        found = picked.get((lane.model, lane.caller_id, lane.priority), ())
        queues.setdefault(lane.caller_id, deque()).extend(found)
    dealt: list[tuple[UUID, UUID]] = []
    while len(dealt) < count and any(queues.values()):
        for caller, queue in queues.items():
            if queue and len(dealt) < count:
                dealt.append((caller, queue.popleft()))
    return dealt
