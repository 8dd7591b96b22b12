"""Rates that hold exactly over the whole fleet: how soon may the next call start?

Rates per second and per minute are the generic cell rate algorithm (ITU-T I.371): starts are spread evenly.
A call may leave a little later than it was given its start, which pushes starts together; so the even
distance is a little longer than the limit says, by the ``slack``, and whoever is later than that gives the
start back. What is promised for a window therefore holds for the calls that leave. Pictures and bursts are
counted as well (``worker.dispatch.windows``).

Quotas per day count, and begin anew at midnight UTC, as the providers' own do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

# Counts over the last minute, for what even distances between calls do not bound: pictures, and bursts.

_MINUTE = timedelta(minutes=1)


class SlidingWindow:
    """A number of pictures or calls per minute, remembered by quarter seconds.

    A part of a quarter counts as a whole one, and the slack is added, so that the promise holds for the calls
    that leave.
    """

    SLACK = timedelta(seconds=0.5)  #: how late a start may be used
    _TICKS = 4  # per second
    _AHEAD = 10 * _TICKS  # starts are not given in order: what a later one is past may bind an earlier one

    def __init__(self, limit: float, state: Any = None) -> None:
        self.limit = limit
        self._reach = int((_MINUTE + self.SLACK).total_seconds() * self._TICKS) + 1
        self._counts: list[list[int]] = [list(pair) for pair in state or ()]
        self._reserved: tuple[int, int] | None = None  # a start that is kept free: when, and its cost

    def reserve(self, cost: int, now: datetime) -> None:
        """Keep the earliest start for a call that has to wait, until this meter is made anew; 0: none."""
        if not cost:
            self._reserved = None
        elif self._reserved is None:
            self._reserved = self._free(cost, int(now.timestamp() * self._TICKS)), cost

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when enough of the past is over; a call that asks for more than the limit has it alone.

        Beside a start that is kept free, whatever does not put that off may start.
        """
        begin = int(now.timestamp() * self._TICKS)
        tick = self._free(cost, begin)
        if self._reserved:
            then, held = self._reserved
            if tick > then or self._used(then) + held + cost > self.limit:
                tick = self._free(cost + held, begin)
        return max(now, datetime.fromtimestamp(tick / self._TICKS, UTC))

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
        """Return what counts at a time, with all that was promised for later."""
        return sum(count for then, count in self._counts if then > tick - self._reach)

    def take(self, start: datetime, cost: int) -> None:
        """Remember, and forget what is over."""
        tick = int(start.timestamp() * self._TICKS)
        kept = {then: count for then, count in self._counts if then > tick - self._reach - self._AHEAD}
        kept[tick] = kept.get(tick, 0) + cost
        self._counts = [list(pair) for pair in sorted(kept.items())]

    def state(self) -> list[list[int]]:
        """Return quarters of a second since 1970 and their counts."""
        return self._counts


class Pacer:
    """Spreads a minute's pictures or calls evenly; the ``WindowMeter`` holds the limit.

    They may come early: calls of a burst, and what makes up for pictures that larger calls left unused.
    """

    def __init__(self, limit: float, early: timedelta, state: Any = None) -> None:
        self._interval, self._early = _MINUTE / limit, early
        self._due = datetime.fromisoformat(state) if isinstance(state, str) else state

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when what started before is paid for, but for what may come early."""
        return now if self._due is None else max(now, self._due - self._early)

    def take(self, start: datetime, cost: int) -> None:
        """Push the next start away."""
        self._due = max(start, self._due or start) + self._interval * cost

    def state(self) -> str | None:
        """Return the moment from which on nothing is owed any more, as text."""
        return self._due.isoformat() if self._due else None


_TICK = timedelta(microseconds=1)
_EARLY = timedelta(seconds=3)  # that pictures may come before their turn in an even row
_COUNTED = timedelta(seconds=10)  # how long a corrected count is believed


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls (or pictures) in any window of this length."""

    calls: float
    window: timedelta = _MINUTE

    @property
    def slack(self) -> timedelta:
        """How late a start may be used: a sixtieth of the window, but time enough for a timer to be late."""
        return max(self.window / 60, timedelta(seconds=0.03))

    @property
    def interval(self) -> timedelta:
        """The distance of starts.

        It is rounded up: distances that are a fraction of a microsecond too short add up to a call too many.
        """
        return (self.window + self.slack) / self.calls + _TICK


class Limit(Protocol):
    """One limit and where it stands. Meters are changed in a transaction that holds the channel's row."""

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when a call of this cost may start at the earliest."""
        ...

    def take(self, start: datetime, cost: int) -> None:
        """Note that a call of this cost starts then."""
        ...

    def state(self) -> Any:
        """Return what is to be kept, as JSON."""
        ...


class GcraLimit:
    """A rate, and the moment from which on it owes nothing any more."""

    def __init__(self, rate: Rate, state: Any = None) -> None:
        self.rate = rate
        self.due = datetime.fromisoformat(state) if isinstance(state, str) else state

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when the calls before are paid for."""
        return now if self.due is None else max(now, self.due)

    def take(self, start: datetime, cost: int) -> None:
        """Push the next start away."""
        self.due = max(start, self.due or start) + self.rate.interval * cost

    def state(self) -> str | None:
        """Return the moment as text."""
        return self.due.isoformat() if self.due else None


class DailyQuota:
    """A number of calls per calendar day (UTC). Starts are promised ahead: the next day may count already."""

    def __init__(self, limit: int, state: Any = None) -> None:
        self.limit = limit
        day, used, counted = (*(state or ("", 0)), None)[:3]
        self.day: str = day
        self.used: int = used
        self.counted_at = datetime.fromisoformat(counted) if counted else None

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return now while something is left, else the next midnight."""
        day = max(self.day, _day_of(now))
        begun = datetime.fromisoformat(day).replace(tzinfo=UTC)
        if day != self.day or self.used + cost <= self.limit or not self.used:
            return max(now, begun)
        return begun + timedelta(days=1)

    def take(self, start: datetime, cost: int) -> None:
        """Count."""
        day = _day_of(start)
        self.used = cost + (self.used if day == self.day else 0)
        self.day = day

    def needs_recount(self, now: datetime) -> bool:
        """Tell whether today seems used up, and nobody has counted for a while what was really called."""
        used_up = self.day == _day_of(now) and self.used >= self.limit
        return used_up and (self.counted_at is None or now - self.counted_at > _COUNTED)

    def recount(self, used: int, now: datetime) -> None:
        """Correct the count of today: starts that were handed back made no call."""
        self.used, self.counted_at = used, now

    def state(self) -> tuple[str, int, str | None]:
        """Return the day, its count, and when that was corrected."""
        return self.day, self.used, self.counted_at.isoformat() if self.counted_at else None


@dataclass(frozen=True, slots=True)
class NamedLimit:
    """One meter by its name; ``per_picture`` tells whether a call costs as much as it asks pictures for."""

    name: str
    limit: Limit
    per_image: bool = False


class RateLimiter:
    """All meters that a call has to satisfy."""

    def __init__(self, limits: list[NamedLimit]) -> None:
        self.limits = limits

    def next_start(self, images: int, now: datetime) -> datetime:
        """Return when a call for so many pictures may start."""
        return max((g.limit.earliest(_cost(g, images), now) for g in self.limits), default=now)

    def take(self, start: datetime, images: int) -> None:
        """Note a start with every meter."""
        for limit in self.limits:
            limit.limit.take(start, _cost(limit, images))

    def reserve(self, images: int, now: datetime) -> None:
        """Keep room for so many pictures, which smaller calls would use up again and again; 0: none."""
        for limit in self.limits:
            if limit.per_image and isinstance(limit.limit, SlidingWindow):
                limit.limit.reserve(images, now)

    def binding_limit(self, images: int, now: datetime) -> str | None:
        """Name the meter that makes a call wait longest, if any does."""
        late = [(g.limit.earliest(_cost(g, images), now), g.name) for g in self.limits]
        start, name = max(late, default=(now, ""))
        return name if start > now else None

    def state(self) -> dict[str, Any]:
        """Return what is to be kept of all meters."""
        return {limit.name: state for limit in self.limits if (state := limit.limit.state()) is not None}


def named_limits(prefix: str, limits: Mapping[str, Any], state: Mapping[str, Any]) -> list[NamedLimit]:
    """Make the meters for limits as ``models.channels.Limits`` describes them, where they were left."""
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
    """Make the meters for a limit with its burst, if calls are made at this rate now, which may be lower."""
    burst, name = limits.get("burst") or 1, f"{prefix}window"
    if burst == 1 or not limits.get("rpm"):  # without a limit, bursts have nothing to fill
        return [NamedLimit(f"{prefix}rpm", GcraLimit(Rate(rate), due))]
    early = _MINUTE / rate * (burst - 1) if rate == limits["rpm"] else timedelta(0)
    return [
        NamedLimit(f"{prefix}rpm", Pacer(rate, early, due)),
        NamedLimit(name, SlidingWindow(limits["rpm"], state.get(name))),
    ]


def slack_of(limits: Mapping[str, Any]) -> timedelta | None:
    """Return how late a start under these limits may be used; ``None``: any time."""
    slacks = {
        "rpm": Rate(1).slack if (limits.get("burst") or 1) == 1 else SlidingWindow.SLACK,
        "ipm": SlidingWindow.SLACK,
        "rps": Rate(1, timedelta(seconds=1)).slack,
    }
    return min((slack for name, slack in slacks.items() if limits.get(name)), default=None)


def _cost(limit: NamedLimit, pictures: int) -> int:
    return pictures if limit.per_image else 1


def _day_of(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
