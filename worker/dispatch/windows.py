"""Counts over the last minute, for what even distances between calls do not bound: pictures, and bursts.

Calls ask for several pictures, and bursts start together. One meter counts what left in the last minute,
which holds the limit; another spreads the starts over it, so that they come evenly.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

_MINUTE = timedelta(minutes=1)


class WindowMeter:
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
        self._held: tuple[int, int] | None = None  # a start that is kept free: when, and its cost

    def hold(self, cost: int, now: datetime) -> None:
        """Keep the earliest start for a call that has to wait, until this meter is made anew; 0: none."""
        if not cost:
            self._held = None
        elif self._held is None:
            self._held = self._free(cost, int(now.timestamp() * self._TICKS)), cost

    def earliest(self, cost: int, now: datetime) -> datetime:
        """Return when enough of the past is over; a call that asks for more than the limit has it alone.

        Beside a start that is kept free, whatever does not put that off may start.
        """
        begin = int(now.timestamp() * self._TICKS)
        tick = self._free(cost, begin)
        if self._held:
            then, held = self._held
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


class SpreadMeter:
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
