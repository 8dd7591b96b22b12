"""Who starts next: fair between callers, in order within a caller, on the best open channel. All of it pure.

Between callers: weighted deficit round robin (Shreedhar and Varghese, 1995). A caller's visit raises its
deficit by its weight, each start costs one, and an unfinished visit goes on in the next round. Within a
caller: the higher priority first, where waiting raises priority up to the highest that waits, never above,
so that an old campaign shares with urgent jobs and does not block them. Within a priority: campaigns in turn.

A call for many pictures needs more of a minute's pictures at once than small calls leave over: some seconds
after it was next its start is kept free, over rounds, and only what does not put it off may start before.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.queries.scheduling.due_jobs import Candidate, LineKey
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity
from worker.scheduler.rate_limiter import RateLimiter, named_limits


@dataclass(slots=True)
class CallerShare:
    """A caller during one round. ``turn`` orders the callers; ``line`` was served last."""

    id: UUID
    limiter: RateLimiter
    weight: float = 1.0
    deficit: float = 0.0
    turn: int = 0
    line: LineKey = ("", 0)
    headroom: int | None = None

    def may_start(self, at: datetime) -> bool:
        """Tell whether its own limits let a call start until then."""
        return (self.headroom is None or self.headroom > 0) and self.limiter.next_start(1, at) <= at


def caller_share_of(row: Any, calls: Iterable[Any]) -> CallerShare:
    """Make a guest of a caller's row and the rows of ``models.queries.leases.calls_in_flight``."""
    return CallerShare(
        id=row.id,
        limiter=RateLimiter(named_limits("", {"rpm": row.rpm}, {"rpm": row.next_start_at})),
        weight=row.weight,
        deficit=row.deficit,
        turn=row.turn,
        line=(row.campaign_turn, row.priority_turn),
        headroom=None if row.concurrency is None else row.concurrency - _busy(row.id, calls),
    )


def _busy(caller_id: UUID, calls: Iterable[Any]) -> int:
    return sum(call.calls for call in calls if call.caller_id == caller_id)


@dataclass(frozen=True, slots=True)
class Start:
    """One decision: this job, on this channel, at this time."""

    job: Candidate
    channel: UUID
    at: datetime


class DispatchRound:
    """One round of the dispatcher: deals out starts until slots, jobs or channels are used up."""

    def __init__(
        self, callers: Iterable[CallerShare], channels: Sequence[ChannelCapacity], now: datetime, slots: int
    ) -> None:
        self._callers = deque(sorted(callers, key=lambda caller_share: (caller_share.turn, caller_share.id)))
        self._last = max((caller_share.turn for caller_share in self._callers), default=0)
        self._channels, self._now, self._slots = channels, now, slots
        for channel in channels:
            channel.apply_reservation()
        self.starts: list[Start] = []

    def assign(self, candidates: Iterable[Candidate], ageing: timedelta) -> list[Start]:
        """Return the starts, and leave in the guests what the next round has to know."""
        lines: defaultdict[UUID, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            lines[candidate.caller_id].append(candidate)
        waiting = {
            caller_share.id: deque(order_jobs(lines[caller_share.id], caller_share.line, self._now, ageing))
            for caller_share in self._callers
        }
        while self._callers and len(self.starts) < self._slots:
            caller_share = self._callers.popleft()
            if self._serve(caller_share, waiting[caller_share.id]):
                self._callers.append(caller_share)
        return self.starts

    def _serve(self, caller_share: CallerShare, line: deque[Candidate]) -> bool:
        """Serve a caller until its deficit is used up; return whether to come back in this round."""
        before, served = caller_share.deficit, 0
        if caller_share.deficit < 1:
            caller_share.deficit += caller_share.weight
        while line and caller_share.deficit >= 1 and len(self.starts) < self._slots:
            start = self._assign_one(line.popleft(), caller_share)
            if start is not None:
                self.starts.append(start)
                caller_share.deficit -= 1
                served += 1
        if not line and not served:  # nothing could start: the visit has not happened
            caller_share.deficit = before
            return False
        if caller_share.deficit < 1 or not line:
            self._last += 1
            caller_share.turn = self._last
        return bool(line)

    def _assign_one(self, job: Candidate, caller_share: CallerShare) -> Start | None:
        """Find the best channel for a job, or none."""
        if caller_share.headroom is not None and caller_share.headroom <= 0:
            return None
        earliest = caller_share.limiter.next_start(job.images, self._now)
        for channel in self._channels:
            channel.waive_reservation(job)
        found = self._best(job, earliest)
        if found is None:
            if job.images > 1:
                self._hold(job, earliest)
            return None
        channel, at = found
        channel.record_start(job, at)
        for each in self._channels:
            each.end_reservation(job)
        caller_share.limiter.take(at, job.images)
        caller_share.line = job.line
        if caller_share.headroom is not None:
            caller_share.headroom -= 1
        return Start(job, channel.id, at)

    def _best(self, job: Candidate, earliest: datetime) -> tuple[ChannelCapacity, datetime] | None:
        """Prefer another channel than the one that failed, then its tier, then the least busy one."""
        able = [
            (channel.id == job.avoid, channel.tier, channel.load, channel.name, channel, at)
            for channel in self._channels
            if channel.serves(job.model)
            and channel.headroom(job.model)
            and (at := channel.next_start(job.model, job.images, earliest)) <= self._now + HORIZON
        ]
        return min(able, key=lambda option: option[:4])[4:] if able else None

    def _hold(self, job: Candidate, earliest: datetime) -> None:
        """Let smaller calls not go on taking the pictures per minute for which alone this one waits."""
        able = [
            channel for channel in self._channels if channel.serves(job.model) and channel.headroom(job.model)
        ]
        if not able or earliest > self._now + HORIZON:
            return
        soonest = min(able, key=lambda channel: channel.next_start(job.model, job.images, earliest))
        if (soonest.binding_limit(job.model, job.images, earliest) or "").endswith("ipm"):
            soonest.reserve(job)


def order_jobs(jobs: Sequence[Candidate], last: LineKey, now: datetime, ageing: timedelta) -> list[Candidate]:
    """Order a caller's jobs; ``ageing`` is how long a job waits for its priority to rise by one."""
    lines: defaultdict[LineKey, deque[Candidate]] = defaultdict(deque)
    for job in sorted(jobs, key=lambda job: (job.due_at, job.job_id)):
        lines[job.line].append(job)
    highest = max((priority for _, priority in lines), default=0)
    levels: defaultdict[int, list[LineKey]] = defaultdict(list)
    for line, waiting in lines.items():
        raised = line[1] + int((now - waiting[0].due_at) / ageing)
        levels[min(max(raised, line[1]), highest)].append(line)
    ordered: list[Candidate] = []
    for level in sorted(levels, reverse=True):
        turns = [lines[line] for line in round_robin(levels[level], last)]
        while any(turns):
            ordered += [line.popleft() for line in turns if line]
    return ordered


def round_robin(lines: Iterable[LineKey], last: LineKey) -> list[LineKey]:
    """Return lines in round-robin order: first those behind the one that was served last."""
    ordered = sorted(lines)
    return [line for line in ordered if line > last] + [line for line in ordered if line <= last]
