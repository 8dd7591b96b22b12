"""Rate limiter, exact over all workers: GCRA, sliding window, daily quota.

Rates per second and per minute are the generic cell rate algorithm (ITU-T I.371): starts are spread evenly.
A call may leave a little later than its assigned start, which pushes calls together; so the interval is a
little longer than the limit says, by the ``slack``, and a worker that is later than that releases the lease.
The limit therefore holds for the calls as they leave. Images, and calls with a burst, are counted in a
sliding window as well, since even intervals do not bound them.

Quotas per day are counted and begin anew at midnight UTC, as the providers' own do.

The state of a limit is changed in a transaction that holds the channel's row (a caller's row for its own).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

_TICK = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_MOST_IMAGES = 100  # of one call, at most
_EARLY = timedelta(seconds=3)  # that images may start before their even interval
CLOCK_SKEW = timedelta(minutes=10)  #: states further ahead than is possible, by this, are of a wrong clock
_RECOUNT_AFTER = timedelta(seconds=10)  # how long a corrected count is trusted


class Limit(Protocol):
    """One limit and its state."""

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when a call of this cost may start at the earliest."""
        ...

    def take(self, start: datetime, cost: int) -> None:
        """Record that a call of this cost starts then."""
        ...

    def state(self) -> Any:
        """Return the state to be stored, as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of calls (or images) in any window of this length."""

    calls: float
    window: timedelta = _MINUTE

    @property
    def slack(self) -> timedelta:
        """How late a start may be used: a sixtieth of the window, but no less than timers are late."""
        return max(self.window / 60, timedelta(seconds=0.03))

    @property
    def interval(self) -> timedelta:
        """The interval between starts.

        It is rounded up: intervals that are a fraction of a microsecond too short add up to a call too many.
        """
        return (self.window + self.slack) / self.calls + _TICK


class GcraLimit:
    """A rate (GCRA), and its theoretical arrival time: when the next call is due."""

    def __init__(self, rate: Rate, state: Any = None) -> None:
        self.rate = rate
        self.due = datetime.fromisoformat(state) if isinstance(state, str) else state
        self._stored = self.due is not None  # and not compared with the time yet

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when the interval after the calls before is over."""
        return max(now, self._due_at(now))

    def take(self, start: datetime, cost: int) -> None:
        """Move the next start by the interval."""
        self.due = max(start, self._due_at(start)) + self.rate.interval * cost

    def _due_at(self, now: datetime) -> datetime:
        """Return when the next call is due; a stored time is forgotten if a wrong clock must have set it."""
        if self._stored:
            self.due, self._stored = _possible(self.due, now, self.rate.interval), False
        return self.due or now

    def state(self) -> str | None:
        """Return the next start as text."""
        return self.due.isoformat() if self.due else None


class SlidingWindow:
    """A number of images or calls in any minute, counted by quarter seconds.

    A part of a quarter counts as a whole one, and the slack is added, so that the limit holds for the calls
    as they leave.
    """

    SLACK = timedelta(seconds=0.5)  #: how late a start may be used
    _TICKS = 4  # per second
    _AHEAD = 10 * _TICKS  # starts are not assigned in order: what a later one is past may bind an earlier one

    def __init__(self, limit: float, state: Any = None) -> None:
        self.limit = limit
        self._reach = int((_MINUTE + self.SLACK).total_seconds() * self._TICKS) + 1
        self._counts: list[list[int]] = [list(pair) for pair in state or ()]
        self._stored = bool(self._counts)  # and not compared with the time yet
        self._reserved: tuple[int, int] | None = None  # tick and cost of a reserved start

    def reserve(self, cost: int, now: datetime) -> None:
        """Reserve the earliest start for a call that has to wait, as long as this object lives; 0: none."""
        if not cost:
            self._reserved = None
        elif self._reserved is None:
            self._reserved = self._free(cost, int(now.timestamp() * self._TICKS)), cost

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when enough of the past has left the window; a call above the limit has it alone.

        Beside a reserved start, calls that do not delay it may start.
        """
        begin = int(now.timestamp() * self._TICKS)
        self._drop_impossible(begin)
        tick = self._free(cost, begin)
        if self._reserved:
            then, reserved = self._reserved
            if tick > then or self._used(then) + reserved + cost > self.limit:
                tick = self._free(cost + reserved, begin)
        return max(now, datetime.fromtimestamp(tick / self._TICKS, UTC))

    def _drop_impossible(self, tick: int) -> None:
        latest = tick + int(CLOCK_SKEW.total_seconds() * self._TICKS)
        stored, self._stored = self._stored, False
        if stored and self._counts[-1][0] > latest:
            self._counts = [pair for pair in self._counts if pair[0] <= latest]

    def _free(self, cost: int, tick: int) -> int:
        used = self._used(tick)
        for then, count in self._counts:
            if used + cost <= self.limit:
                break
            if then > tick - self._reach:
                used -= count
                tick = then + self._reach
        return tick

    def _used(self, tick: int) -> int:
        """Return what counts at a tick, with all starts that are assigned for later."""
        return sum(count for then, count in self._counts if then > tick - self._reach)

    def take(self, start: datetime, cost: int) -> None:
        """Add to the window, and drop what has left it."""
        tick = int(start.timestamp() * self._TICKS)
        self._drop_impossible(tick)
        counts = {then: count for then, count in self._counts if then > tick - self._reach - self._AHEAD}
        counts[tick] = counts.get(tick, 0) + cost
        self._counts = [list(pair) for pair in sorted(counts.items())]

    def state(self) -> list[list[int]]:
        """Return pairs of a quarter second since 1970 and its count."""
        return self._counts


class Pacer:
    """Spreads a minute's images or calls evenly; a ``SlidingWindow`` beside it holds the limit.

    They may start early: calls of a burst, and images that make up for what larger calls left unused.
    """

    def __init__(self, limit: float, early: timedelta, state: Any = None) -> None:
        self._interval, self._early = _MINUTE / limit, early
        self._due = datetime.fromisoformat(state) if isinstance(state, str) else state

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when the interval after the starts before is over, less what may start early."""
        return max(now, _possible(self._due, now, self._interval * _MOST_IMAGES) - self._early)

    def take(self, start: datetime, cost: int) -> None:
        """Move the next start by the interval."""
        due = _possible(self._due, start, self._interval * _MOST_IMAGES)
        self._due = max(start, due) + self._interval * cost

    def state(self) -> str | None:
        """Return the next start as text."""
        return self._due.isoformat() if self._due else None


class DailyQuota:
    """A number of calls per calendar day (UTC). Starts are assigned ahead: the next day may count already."""

    def __init__(self, limit: int, state: Any = None) -> None:
        self.limit = limit
        day, used, counted = (*(state or ("", 0)), None)[:3]
        self.day: str = day
        self.used: int = used
        self.counted_at = datetime.fromisoformat(counted) if counted else None

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return now while quota is left, else the next midnight."""
        self._recount_impossible(now)
        day = max(self.day, _day_of(now))
        begun = datetime.fromisoformat(day).replace(tzinfo=UTC)
        if day != self.day or self.used + cost <= self.limit or not self.used:
            return max(now, begun)
        return begun + timedelta(days=1)

    def take(self, start: datetime, cost: int) -> None:
        """Count a start."""
        self._recount_impossible(start)
        day = _day_of(start)
        self.used = cost + (self.used if day == self.day else 0)
        self.day = day

    def needs_recount(self, now: datetime) -> bool:
        """Return whether today seems used up, and the calls really made were not counted for a while."""
        self._recount_impossible(now)
        used_up = self.day == _day_of(now) and self.used >= self.limit
        return used_up and (self.counted_at is None or now - self.counted_at > _RECOUNT_AFTER)

    def _recount_impossible(self, now: datetime) -> None:
        """Take a count of a day that can't have begun for today's, used up until it is counted again."""
        if self.day > _day_of(now + CLOCK_SKEW):
            self.day, self.used, self.counted_at = _day_of(now), self.limit, None

    def recount(self, used: int, now: datetime) -> None:
        """Correct the count of today: leases that were released made no call."""
        self.used, self.counted_at = used, now

    def state(self) -> tuple[str, int, str | None]:
        """Return the day, its count, and when that was corrected."""
        return self.day, self.used, self.counted_at.isoformat() if self.counted_at else None


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """One limit and its name; ``per_image``: a call costs as much as it asks for images."""

    name: str
    limit: Limit
    per_image: bool = False


class RateLimiter:
    """All limits that a call has to satisfy."""

    def __init__(self, limits: list[NamedLimit]) -> None:
        self.limits = limits

    def next_start(self, images: int, now: datetime) -> datetime:
        """Return when a call for so many images may start."""
        return max((each.limit.earliest(_cost(each, images), now) for each in self.limits), default=now)

    def take(self, start: datetime, images: int) -> None:
        """Record a start with every limit."""
        for each in self.limits:
            each.limit.take(start, _cost(each, images))

    def reserve(self, images: int, now: datetime) -> None:
        """Reserve room for so many images, which smaller calls would use up again and again; 0: none."""
        for each in self.limits:
            if each.per_image and isinstance(each.limit, SlidingWindow):
                each.limit.reserve(images, now)

    def binding_limit(self, images: int, now: datetime) -> str | None:
        """Return the name of the limit that makes a call wait longest, if any does."""
        late = [(each.limit.earliest(_cost(each, images), now), each.name) for each in self.limits]
        start, name = max(late, default=(now, ""))
        return name if start > now else None

    def state(self) -> dict[str, Any]:
        """Return the states of all limits by name, to be stored."""
        return {each.name: state for each in self.limits if (state := each.limit.state()) is not None}


def named_limits(prefix: str, limits: Mapping[str, Any], state: Mapping[str, Any]) -> list[NamedLimit]:
    """Make the limits that ``models.channels.Limits`` describes, with their stored states."""
    found: list[NamedLimit] = []
    if limits.get("rpm"):
        found += calls_per_minute(prefix, limits, limits["rpm"], state.get(f"{prefix}rpm"), state)
    if limits.get("rps"):
        rate = Rate(limits["rps"], timedelta(seconds=1))
        found.append(NamedLimit(f"{prefix}rps", GcraLimit(rate, state.get(f"{prefix}rps"))))
    if limits.get("ipm"):
        name = f"{prefix}spread"
        found.append(NamedLimit(name, Pacer(limits["ipm"], _EARLY, state.get(name)), per_image=True))
        name = f"{prefix}ipm"
        found.append(NamedLimit(name, SlidingWindow(limits["ipm"], state.get(name)), per_image=True))
    if limits.get("rpd"):
        name = f"{prefix}rpd"
        found.append(NamedLimit(name, DailyQuota(int(limits["rpd"]), state.get(name))))
    return found


def calls_per_minute(
    prefix: str, limits: Mapping[str, Any], rate: float, due: Any, state: Mapping[str, Any]
) -> list[NamedLimit]:
    """Make the limits for calls per minute with their burst; ``rate`` is today's, which may be lower."""
    burst, name = limits.get("burst") or 1, f"{prefix}window"
    if burst == 1 or not limits.get("rpm"):  # without a limit, bursts have nothing to fill
        return [NamedLimit(f"{prefix}rpm", GcraLimit(Rate(rate), due))]
    early = _MINUTE / rate * (burst - 1) if rate == limits["rpm"] else timedelta(0)
    return [
        NamedLimit(f"{prefix}rpm", Pacer(rate, early, due)),
        NamedLimit(name, SlidingWindow(limits["rpm"], state.get(name))),
    ]


_MINUTE_SLACK, _SECOND_SLACK = Rate(1).slack, Rate(1, timedelta(seconds=1)).slack


def slack_of(limits: Mapping[str, Any]) -> timedelta | None:
    """Return how late a start under these limits may be used; ``None``: any time."""
    slacks = []
    if limits.get("rpm"):
        slacks.append(_MINUTE_SLACK if (limits.get("burst") or 1) == 1 else SlidingWindow.SLACK)
    if limits.get("ipm"):
        slacks.append(SlidingWindow.SLACK)
    if limits.get("rps"):
        slacks.append(_SECOND_SLACK)
    return min(slacks, default=None)


def _cost(limit: NamedLimit, images: int) -> int:
    return images if limit.per_image else 1


def _possible(due: datetime | None, now: datetime, longest: timedelta) -> datetime:
    """Return when the next call is due; ``now`` if that is further ahead than calls can have moved it."""
    return now if due is None or due > now + longest + CLOCK_SKEW else due


def _day_of(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
