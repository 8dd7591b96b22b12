"""Fair queueing between callers (weighted deficit round robin), with priority ageing. Pure.

Between callers: weighted deficit round robin (Shreedhar and Varghese, 1995). A caller's turn raises its
deficit by its weight, each start costs one, and an unfinished turn continues in the next round. Within a
caller: the higher priority first, where waiting raises priority up to the highest that waits, never above,
so that an old campaign shares with urgent jobs and does not block them. Within a priority: campaigns in turn;
the turn of a campaign with a weight has so many starts (deficit round robin as well).

``worker.scheduler.routing`` chooses the channel of each job. A job for many images needs more of a minute's
images at once than small jobs leave over: once it has been next for some seconds, its start is reserved over
rounds, and only jobs that do not delay it start before it.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from models.queries.scheduling.due_jobs import Candidate, LineKey
from worker.scheduler.channel_capacity import ChannelCapacity
from worker.scheduler.rate_limiter import RateLimiter, named_limits
from worker.scheduler.routing import BY_ORDER, Routing, choose_channel, reserve_capacity


@dataclass(slots=True)
class CampaignShare:
    """A campaign with limits or a weight of its own, during one round."""

    limiter: RateLimiter
    weight: float = 1.0
    deficit: float = 0.0  #: starts that are left of its turn
    headroom: int | None = None  #: calls until its concurrency limit; ``None``: it has none

    def may_start(self, at: datetime) -> bool:
        """Return whether its limits let a call start until then."""
        return (self.headroom is None or self.headroom > 0) and self.limiter.next_start(1, at) <= at

    def record_start(self, at: datetime, images: int) -> None:
        """Count a start against its limits and its turn."""
        self.limiter.take(at, images)
        if self.headroom is not None:
            self.headroom -= 1
        if self.deficit < 1:
            self.deficit += self.weight
        self.deficit -= 1


def campaign_share_of(row: Any, in_flight: int) -> CampaignShare:
    """Make a share of a campaign's row and the number of its calls in flight."""
    return CampaignShare(
        limiter=RateLimiter(named_limits("", {"rpm": row.rpm}, {"rpm": row.next_start_at})),
        weight=row.weight,
        deficit=row.deficit,
        headroom=None if row.concurrency is None else row.concurrency - in_flight,
    )


@dataclass(slots=True)
class CallerShare:
    """A caller during one round. ``turn`` orders the callers; ``line`` was served last."""

    id: UUID
    limiter: RateLimiter
    weight: float = 1.0
    deficit: float = 0.0
    turn: int = 0
    line: LineKey = ("", 0)
    headroom: int | None = None  #: calls until its concurrency limit; ``None``: it has none
    closed: frozenset[str] = frozenset()  #: campaigns of which nothing starts in this round
    campaigns: dict[str, CampaignShare] = field(default_factory=dict)  #: those with limits or a weight

    @property
    def turn_is_unfinished(self) -> bool:
        """Whether the campaign served last has starts left of its turn."""
        share = self.campaigns.get(self.line[0])
        return share is not None and share.deficit >= 1

    def may_start(self, at: datetime) -> bool:
        """Return whether its own limits let a call start until then."""
        return (self.headroom is None or self.headroom > 0) and self.limiter.next_start(1, at) <= at


def caller_share_of(row: Any, calls: Iterable[Any]) -> CallerShare:
    """Make a share of a caller's row and the rows of ``models.queries.leases.calls_in_flight``."""
    return CallerShare(
        id=row.id,
        limiter=RateLimiter(named_limits("", {"rpm": row.rpm}, {"rpm": row.next_start_at})),
        weight=row.weight,
        deficit=row.deficit,
        turn=row.turn,
        line=(row.campaign_turn, row.priority_turn),
        headroom=None if row.concurrency is None else row.concurrency - _in_flight_of(row.id, calls),
    )


def _in_flight_of(caller_id: UUID, calls: Iterable[Any]) -> int:
    return sum(call.calls for call in calls if call.caller_id == caller_id)


@dataclass(frozen=True, slots=True)
class Start:
    """One decision: this job, on this channel, at this time."""

    job: Candidate
    channel: UUID
    at: datetime
    why: str | None = None  #: it goes to this channel; ``None``: by order


class DispatchRound:
    """One round of the dispatcher: assigns starts until slots, jobs or channels are used up."""

    def __init__(
        self,
        callers: Iterable[CallerShare],
        channels: Sequence[ChannelCapacity],
        now: datetime,
        slots: int,
        routing: Routing = BY_ORDER,
    ) -> None:
        self._routing = routing
        self._callers = deque(sorted(callers, key=lambda caller: (caller.turn, caller.id)))
        self._last_turn = max((caller.turn for caller in self._callers), default=0)
        self._channels, self._now, self._slots = channels, now, slots
        for channel in channels:
            if channel.reservation:
                channel.apply_reservation()
        self.starts: list[Start] = []

    def assign(self, candidates: Iterable[Candidate], ageing: timedelta) -> list[Start]:
        """Return the starts, and update the shares for the next round."""
        jobs: defaultdict[UUID, list[Candidate]] = defaultdict(list)
        candidates = list(candidates)
        for channel in self._channels:
            channel.prefer_fresh(candidates)
        for candidate in candidates:
            jobs[candidate.caller_id].append(candidate)
        queues = {
            caller.id: deque(order_jobs(jobs[caller.id], caller.line, self._now, ageing, caller.campaigns))
            for caller in self._callers
        }
        while self._callers and len(self.starts) < self._slots:
            caller = self._callers.popleft()
            if self._serve(caller, queues[caller.id]):
                self._callers.append(caller)
        return self.starts

    def _serve(self, caller: CallerShare, queue: deque[Candidate]) -> bool:
        """Serve a caller until its deficit is used up; return whether it has a further turn this round."""
        before, served = caller.deficit, 0
        if caller.deficit < 1:
            caller.deficit += caller.weight
        while queue and caller.deficit >= 1 and len(self.starts) < self._slots:
            start = self._assign_one(queue.popleft(), caller)
            if start is not None:
                self.starts.append(start)
                caller.deficit -= 1
                served += 1
        if not queue and not served:  # nothing could start: the caller keeps its turn
            caller.deficit = before
            return False
        if caller.deficit < 1 or not queue:
            self._last_turn += 1
            caller.turn = self._last_turn
        return bool(queue)

    def _assign_one(self, job: Candidate, caller: CallerShare) -> Start | None:
        """Start a job on the best channel, if any can take it now."""
        if caller.headroom is not None and caller.headroom <= 0:
            return None
        earliest = caller.limiter.next_start(job.images, self._now)
        campaign = caller.campaigns.get(job.campaign)
        if campaign is not None:
            if campaign.headroom is not None and campaign.headroom <= 0:
                return None
            earliest = max(earliest, campaign.limiter.next_start(job.images, self._now))
        reserving = [channel for channel in self._channels if channel.reservation]
        for channel in reserving:
            channel.waive_reservation(job)
        found = choose_channel(self._channels, job, earliest, self._now, self._routing)
        if found is None:
            if job.images > 1:
                reserve_capacity(self._channels, job, earliest, self._now)
            return None
        channel, at, why = found
        channel.record_start(job, at)
        for each in reserving:
            each.end_reservation(job)
        caller.limiter.take(at, job.images)
        if campaign is not None:
            campaign.record_start(at, job.images)
        caller.line = job.line
        if caller.headroom is not None:
            caller.headroom -= 1
        return Start(job, channel.id, at, why)


def order_jobs(
    jobs: Sequence[Candidate],
    last: LineKey,
    now: datetime,
    ageing: timedelta,
    campaigns: Mapping[str, CampaignShare] = MappingProxyType({}),
) -> list[Candidate]:
    """Return a caller's jobs in order; ``last`` is the line that was served last.

    ``campaigns``: those with a weight; their turns have as many jobs, and ``last`` may have some left.
    """
    if len(jobs) <= 1:
        return list(jobs)
    lines: defaultdict[LineKey, deque[Candidate]] = defaultdict(deque)
    for job in sorted(jobs, key=lambda job: (job.due_at, job.job_id)):
        lines[job.line].append(job)
    aged = aged_priorities({line: waiting[0].due_at for line, waiting in lines.items()}, now, ageing)
    ordered: list[Candidate] = []
    for priority in sorted(set(aged.values()), reverse=True):
        same = (line for line in lines if aged[line] == priority)
        order = round_robin(same, last)
        if not campaigns:
            turns = [lines[line] for line in order]
            while any(turns):
                ordered += [line.popleft() for line in turns if line]
        else:
            ordered += _weighted(lines, order, last, campaigns)
    return ordered


def _weighted(
    lines: Mapping[LineKey, deque[Candidate]],
    order: Sequence[LineKey],
    last: LineKey,
    campaigns: Mapping[str, CampaignShare],
) -> list[Candidate]:
    """Return the jobs of lines of one priority in turns; the line served last first ends its turn."""
    ordered: list[Candidate] = []
    deficits = {line: share.deficit for line in order if (share := campaigns.get(line[0]))}
    waiting = list(order)
    if deficits.get(last, 0) >= 1:
        waiting.remove(last)
        waiting.insert(0, last)
    while waiting:
        for line in waiting:
            jobs, share = lines[line], campaigns.get(line[0])
            left = deficits.get(line, 0.0)
            if left < 1:
                left += share.weight if share else 1.0
            while jobs and left >= 1:
                ordered.append(jobs.popleft())
                left -= 1
            deficits[line] = left if share else 0.0
        waiting = [line for line in waiting if lines[line]]
    return ordered


def aged_priorities(due: Mapping[LineKey, datetime], now: datetime, ageing: timedelta) -> dict[LineKey, int]:
    """Return the priority to which waiting has raised each line, by when its first job was due.

    ``ageing`` is the wait that raises a priority by one. None rises above the highest that waits.
    """
    highest = max((priority for _, priority in due), default=0)
    raised = {line: line[1] + int((now - since) / ageing) for line, since in due.items()}
    return {line: min(max(raised[line], line[1]), highest) for line in due}


def round_robin(lines: Iterable[LineKey], last: LineKey) -> list[LineKey]:
    """Return lines in round-robin order: first those behind the one that was served last."""
    ordered = sorted(lines)
    return [line for line in ordered if line > last] + [line for line in ordered if line <= last]
