"""Channels as the gate sees them: what may start there now, and when."""

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from models.channels import serves
from models.queries.scheduling.due_jobs import Candidate
from worker.scheduler.adaptive_rate import Learned
from worker.scheduler.circuit_breaker import Breaker
from worker.scheduler.rate_limiter import DayMeter, Pace, calls_per_minute, gauges

# Slow start: a channel that was shut or idle takes its calls up over some seconds, not all in one instant.

AT_ONCE = 10  #: calls after idling; TCP begins with as many (RFC 6928)
RAMP = timedelta(seconds=5)  #: from the first calls to as many as the channel takes


def room_after(opened: datetime | None, now: datetime, concurrency: int, *, at_once: int = 1) -> int:
    """Return how many calls may be in flight ``now`` on a channel that was ``opened`` some time ago."""
    if opened is None or now - opened >= RAMP:
        return concurrency
    return max(min(at_once, concurrency), math.ceil(concurrency * (max(now - opened, timedelta()) / RAMP)))


_STARTED, _KEPT = "started", "kept"  # beside the meters' states: the latest start; for whom room is kept
_OVERTAKEN = timedelta(seconds=15)  # how long calls for fewer pictures go before one for many that is next
_FILLERS = 4  # looked at beside what can start: some ask for few enough pictures to fit where others do not
_KEEPING = timedelta(seconds=10)  # after the time when the call could start, until its room is for others
HORIZON = timedelta(seconds=1)  #: how far ahead starts are promised
_LEAD = timedelta(seconds=0.25)  # for a start to reach its call, where hardly any lateness is forgiven


@dataclass(frozen=True, slots=True)
class InFlight:
    """Calls under way on one channel, by model."""

    by_model: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_model.values())


def in_flight_on(channel_id: UUID, calls: Iterable[Any]) -> InFlight:
    """Return what is under way on a channel, of the rows of ``models.queries.leases.calls_in_flight``."""
    by_model: defaultdict[str, int] = defaultdict(int)
    for row in calls:
        if row.channel_id == channel_id:
            by_model[row.model] += row.calls
    return InFlight(by_model)


class Kept(NamedTuple):
    """A call for many pictures that was next, as the channel's row keeps it; ``until``: unless seen again."""

    job: str
    model: str
    pictures: int
    until: str
    caller: str
    since: str

    @classmethod
    def from_json(cls, kept: Any, now: datetime) -> "Kept | None":
        """Return what the row says while it holds, else ``None``."""
        found = cls(*kept) if kept and len(kept) == len(cls._fields) else None
        return found if found and found.holds(now) else None

    def holds(self, at: datetime) -> bool:
        """Tell whether the call counts as one that waits here then."""
        return datetime.fromisoformat(self.until) > at

    def due(self, now: datetime) -> bool:
        """Tell whether it was overtaken long enough."""
        return now - datetime.fromisoformat(self.since) >= _OVERTAKEN


class Outlet:
    """One channel during one round of the dispatcher, made of its row, which this round holds locked."""

    def __init__(self, row: Any, in_flight: InFlight, now: datetime) -> None:
        self.id: UUID = row.id
        self.name: str = row.name
        self.tier: int = row.tier
        self.weight: float = row.weight
        self._row, self._now, self._busy = row, now, dict(in_flight.by_model)
        self.breakers = {
            model: Breaker.from_json(kept).missed(now, self.busy(model or None))
            for model, kept in (row.breakers or {}).items()
        }
        self._known = Learned.from_json(row.learned)
        state = row.pace or {}
        self._started = datetime.fromisoformat(at) if (at := state.get(_STARTED)) else row.next_start_at
        idle = in_flight.total < AT_ONCE  # calls of some minutes, begun together, would be waited out
        self._learned = learned = self._known.wake(now, self._started) if idle else self._known
        self._probes: dict[str, datetime] = {}
        self._kept = self._kept_before = Kept.from_json(state.get(_KEPT), now)
        whole = {**row.limits.get("", {}), "rpm": row.rpm}
        #: the calls per minute of the whole channel that are made now: configured, or less if learned so
        self.rpm = rate = learned.rate_at(now, row.rpm)
        minute = calls_per_minute("", whole, rate, row.next_start_at, state) if rate else []
        self._pace = Pace([*minute, *gauges("", {**whole, "rpm": None}, state)])
        self._limits = {model: limits for model, limits in row.limits.items() if model}
        self._paces = {m: Pace(gauges(f"{m}/", limits, state)) for m, limits in self._limits.items()}
        most = self.concurrency = learned.concurrency_at(now, row.concurrency)  #: configured, or fewer
        if self.rpm is None:  # a rate limit spreads the starts by itself
            most = min(
                room_after(row.cooldown_until, now, most),
                room_after(learned.woken, now, most, at_once=AT_ONCE),
            )
        self._room = most - in_flight.total

    def serves(self, model: str) -> bool:
        """Tell whether the channel would take this model if there were room."""
        return (
            model not in self._row.blocked_models
            and serves(self._row.models, model)
            and all(breaker.room(self._now) != 0 for breaker in self._breakers_of(model).values())
        )

    def room(self, model: str) -> int:
        """Return how many more calls of this model may be in flight."""
        rooms = [self._room]
        if limit := self._limits.get(model, {}).get("concurrency"):
            rooms.append(limit - self._busy.get(model, 0))
        for name, breaker in self._breakers_of(model).items():
            if (probes := breaker.room(self._now)) is not None:
                rooms.append(probes if name not in self._probes else 0)
        return max(min(rooms), 0)

    def openings(self, model: str, until: datetime) -> int:
        """Return how many calls of this model could start until then, if each asks for one picture."""
        room, paces = self.room(model), copy.deepcopy(self._paces_of(model))
        count, at = 0, self._now
        while count < room and any(pace.gauges for pace in paces):
            at = max(pace.next_start(1, self._now) for pace in paces)
            if at > until:
                return count
            for pace in paces:
                pace.take(at, 1)
            count += 1
        return room

    def fillers(self, model: str) -> int:
        """Return how many jobs more to look at, for those that fit into the rest of a minute's pictures."""
        counted = any(gauge.per_picture for pace in self._paces_of(model) for gauge in pace.gauges)
        return _FILLERS if counted else 0

    def next_start(self, model: str, pictures: int, at: datetime) -> datetime:
        """Return when a call may start at the earliest, not before ``at``."""
        paces = self._paces_of(model)
        start = max(pace.next_start(pictures, at) for pace in paces)
        if start > self._now or not any(
            gauge.name.endswith("rps") for pace in paces for gauge in pace.gauges
        ):
            return start
        return max(pace.next_start(pictures, self._now + _LEAD) for pace in paces)

    def overtaken(self, job: Candidate) -> None:
        """Note that a call for more pictures than may start now is next; in time, keep room for it."""
        kept = self._kept
        if kept and kept.job != job.job_id.hex:
            return
        if not (kept and kept.holds(self._now + _KEEPING / 2)):
            until = (self.next_start(job.model, job.pictures, self._now) + _KEEPING).isoformat()
            since = kept.since if kept else self._now.isoformat()
            self._kept = Kept(job.job_id.hex, job.model, job.pictures, until, job.caller_id.hex, since)
        self.keep()

    @property
    def kept_for(self) -> UUID | None:
        """The caller for whose call room is kept."""
        return UUID(self._kept.caller) if self._kept and self._kept.due(self._now) else None

    def keep(self) -> None:
        """Let nothing put off the call that was overtaken long enough."""
        if self._kept and self._kept.due(self._now):
            self._hold(self._kept.model, self._kept.pictures)

    def admit(self, job: Candidate) -> None:
        """Let a call have the room that is kept for it."""
        if self._kept and self._kept.job == job.job_id.hex:
            self._hold(job.model, 0)

    def started(self, job: Candidate) -> None:
        """Keep no room any more for a call that started, wherever."""
        if self._kept and self._kept.job == job.job_id.hex:
            self._kept = None

    def _hold(self, model: str, pictures: int) -> None:
        for pace in self._paces_of(model):
            pace.hold(pictures, self._now)

    def latest_limit(self, model: str, pictures: int, at: datetime) -> str | None:
        """Name the limit that makes a call wait longest: rpm, rps, ipm or rpd; a model's as ``MODEL/rpm``."""
        return max(
            ((pace.next_start(pictures, at), pace.hindrance(pictures, at)) for pace in self._paces_of(model)),
            key=lambda late: late[0],
        )[1]

    def busy(self, model: str | None = None) -> int:
        """Return the calls in flight, of one model if it is given."""
        return sum(self._busy.values()) if model is None else self._busy.get(model, 0)

    @property
    def load(self) -> float:
        """Return how busy the channel is, for its weight."""
        return sum(self._busy.values()) / self.weight

    def take(self, job: Candidate, start: datetime) -> None:
        """Give away a start."""
        model, pictures = job.model, job.pictures
        for pace in self._paces_of(model):
            pace.take(start, pictures)
        self._started = max(start, self._started or start)
        self._room -= 1
        self._busy[model] = self._busy.get(model, 0) + 1
        for name, breaker in self._breakers_of(model).items():
            if breaker.until is not None:
                self._probes[name] = self._now

    def doubtful_days(self) -> list[tuple[str, DayMeter]]:
        """Return the quotas that seem used up and should be counted, by model; "" is the whole channel's."""
        paces = {"": self._pace, **self._paces}
        return [
            (model, gauge.meter)
            for model, pace in paces.items()
            for gauge in pace.gauges
            if isinstance(gauge.meter, DayMeter) and gauge.meter.doubtful(self._now)
        ]

    @property
    def keeps_anew(self) -> bool:
        """Whether the next round has to know for whom room is kept, even if nothing starts."""
        return bool(self._kept != self._kept_before)

    def changes(self) -> dict[str, Any]:
        """Return what the channel's row has to remember of this round."""
        states = self._pace.state()
        for pace in self._paces.values():
            states |= pace.state()
        changes: dict[str, Any] = {"pace": {n: s for n, s in states.items() if n != "rpm"}}
        if self._kept:
            changes["pace"][_KEPT] = self._kept
        if self._started:
            changes["pace"][_STARTED] = self._started.isoformat()
        if due := states.get("rpm"):
            changes["next_start_at"] = datetime.fromisoformat(due)
        if self._learned != self._known:
            changes["learned"] = self._learned.to_json()
        if self._probes:
            probed = {n: b.probing(self._now) if n in self._probes else b for n, b in self.breakers.items()}
            changes["breakers"] = {n: b.to_json() for n, b in probed.items()}
        return changes

    def _paces_of(self, model: str) -> list[Pace]:
        return [self._pace, self._paces[model]] if model in self._paces else [self._pace]

    def _breakers_of(self, model: str) -> dict[str, Breaker]:
        return {name: self.breakers[name] for name in ("", model) if name in self.breakers}


def closed(channel: Any, now: datetime) -> bool:
    """Tell whether a channel starts nothing at all now."""
    cooling = channel.cooldown_until is not None and channel.cooldown_until > now
    return not channel.configured or stopped(channel) or cooling


def stopped(channel: Any) -> bool:
    """Tell whether a channel starts nothing until a person acts."""
    stops = (channel.paused_at, channel.draining_at, channel.tripped_at)
    return any(at is not None for at in stops)
