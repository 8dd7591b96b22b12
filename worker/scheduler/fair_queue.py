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

from models.queries.scheduling.due_jobs import Candidate, Line
from worker.scheduler.channel_capacity import HORIZON, Outlet
from worker.scheduler.rate_limiter import Pace, gauges


@dataclass(slots=True)
class Guest:
    """A caller during one round. ``turn`` orders the callers; ``line`` was served last."""

    id: UUID
    pace: Pace
    weight: float = 1.0
    deficit: float = 0.0
    turn: int = 0
    line: Line = ("", 0)
    room: int | None = None

    def may_start(self, until: datetime) -> bool:
        """Tell whether its own limits let a call start until then."""
        return (self.room is None or self.room > 0) and self.pace.next_start(1, until) <= until


def guest_of(row: Any, calls: Iterable[Any]) -> Guest:
    """Make a guest of a caller's row and the rows of ``models.queries.leases.calls_in_flight``."""
    return Guest(
        id=row.id,
        pace=Pace(gauges("", {"rpm": row.rpm}, {"rpm": row.next_start_at})),
        weight=row.weight,
        deficit=row.deficit,
        turn=row.turn,
        line=(row.campaign_turn, row.priority_turn),
        room=None if row.concurrency is None else row.concurrency - _busy(row.id, calls),
    )


def _busy(caller_id: UUID, calls: Iterable[Any]) -> int:
    return sum(call.calls for call in calls if call.caller_id == caller_id)


@dataclass(frozen=True, slots=True)
class Start:
    """One decision: this job, on this channel, at this time."""

    job: Candidate
    channel: UUID
    at: datetime


class Round:
    """One round of the dispatcher: deals out starts until slots, jobs or channels are used up."""

    def __init__(self, guests: Iterable[Guest], outlets: Sequence[Outlet], now: datetime, slots: int) -> None:
        self._guests = deque(sorted(guests, key=lambda guest: (guest.turn, guest.id)))
        self._last = max((guest.turn for guest in self._guests), default=0)
        self._outlets, self._now, self._slots = outlets, now, slots
        for outlet in outlets:
            outlet.keep()
        self.starts: list[Start] = []

    def deal(self, candidates: Iterable[Candidate], ageing: timedelta) -> list[Start]:
        """Return the starts, and leave in the guests what the next round has to know."""
        lines: defaultdict[UUID, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            lines[candidate.caller_id].append(candidate)
        waiting = {
            guest.id: deque(in_order(lines[guest.id], guest.line, self._now, ageing))
            for guest in self._guests
        }
        while self._guests and len(self.starts) < self._slots:
            guest = self._guests.popleft()
            if self._visit(guest, waiting[guest.id]):
                self._guests.append(guest)
        return self.starts

    def _visit(self, guest: Guest, line: deque[Candidate]) -> bool:
        """Serve a caller until its deficit is used up; return whether to come back in this round."""
        before, served = guest.deficit, 0
        if guest.deficit < 1:
            guest.deficit += guest.weight
        while line and guest.deficit >= 1 and len(self.starts) < self._slots:
            start = self._place(line.popleft(), guest)
            if start is not None:
                self.starts.append(start)
                guest.deficit -= 1
                served += 1
        if not line and not served:  # nothing could start: the visit has not happened
            guest.deficit = before
            return False
        if guest.deficit < 1 or not line:
            self._last += 1
            guest.turn = self._last
        return bool(line)

    def _place(self, job: Candidate, guest: Guest) -> Start | None:
        """Find the best channel for a job, or none."""
        if guest.room is not None and guest.room <= 0:
            return None
        earliest = guest.pace.next_start(job.pictures, self._now)
        for outlet in self._outlets:
            outlet.admit(job)
        found = self._best(job, earliest)
        if found is None:
            if job.pictures > 1:
                self._hold(job, earliest)
            return None
        outlet, at = found
        outlet.take(job, at)
        for each in self._outlets:
            each.started(job)
        guest.pace.take(at, job.pictures)
        guest.line = job.line
        if guest.room is not None:
            guest.room -= 1
        return Start(job, outlet.id, at)

    def _best(self, job: Candidate, earliest: datetime) -> tuple[Outlet, datetime] | None:
        """Prefer another channel than the one that failed, then its tier, then the least busy one."""
        able = [
            (outlet.id == job.avoid, outlet.tier, outlet.load, outlet.name, outlet, at)
            for outlet in self._outlets
            if outlet.serves(job.model)
            and outlet.room(job.model)
            and (at := outlet.next_start(job.model, job.pictures, earliest)) <= self._now + HORIZON
        ]
        return min(able, key=lambda option: option[:4])[4:] if able else None

    def _hold(self, job: Candidate, earliest: datetime) -> None:
        """Let smaller calls not go on taking the pictures per minute for which alone this one waits."""
        able = [outlet for outlet in self._outlets if outlet.serves(job.model) and outlet.room(job.model)]
        if not able or earliest > self._now + HORIZON:
            return
        soonest = min(able, key=lambda outlet: outlet.next_start(job.model, job.pictures, earliest))
        if (soonest.latest_limit(job.model, job.pictures, earliest) or "").endswith("ipm"):
            soonest.overtaken(job)


def in_order(jobs: Sequence[Candidate], last: Line, now: datetime, ageing: timedelta) -> list[Candidate]:
    """Order a caller's jobs; ``ageing`` is how long a job waits for its priority to rise by one."""
    lines: defaultdict[Line, deque[Candidate]] = defaultdict(deque)
    for job in sorted(jobs, key=lambda job: (job.due_at, job.job_id)):
        lines[job.line].append(job)
    highest = max((priority for _, priority in lines), default=0)
    levels: defaultdict[int, list[Line]] = defaultdict(list)
    for line, waiting in lines.items():
        raised = line[1] + int((now - waiting[0].due_at) / ageing)
        levels[min(max(raised, line[1]), highest)].append(line)
    ordered: list[Candidate] = []
    for level in sorted(levels, reverse=True):
        turns = [lines[line] for line in in_turn(levels[level], last)]
        while any(turns):
            ordered += [line.popleft() for line in turns if line]
    return ordered


def in_turn(lines: Iterable[Line], last: Line) -> list[Line]:
    """Return lines in round-robin order: first those behind the one that was served last."""
    ordered = sorted(lines)
    return [line for line in ordered if line > last] + [line for line in ordered if line <= last]
