"""Windows of a campaign: in which times of the week its jobs start, in a time zone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_AHEAD = 9  # days that are searched: each window opens once a week


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to ``end`` on some days, by the clocks of a zone; past midnight if it ends earlier."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(7))  #: of its start, 0: Monday


@dataclass(frozen=True, slots=True)
class Opening:
    """When jobs may be leased: from ``opens_at`` (none: at once) until ``closes_at`` (none: for ever)."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        """Return whether jobs may be leased then."""
        begun = self.opens_at is None or at >= self.opens_at
        return begun and (self.closes_at is None or at < self.closes_at)


def next_opening(windows: Sequence[Window], start_at: datetime | None, at: datetime) -> Opening | None:
    """Return the opening that holds or follows at ``at``, not before ``start_at``; ``None``: never."""
    earliest = max(at, start_at) if start_at else at
    if not windows:
        return Opening(start_at if start_at and start_at > at else None, None)
    for begin, end in _merged(_periods(windows, earliest)):
        if end > earliest:
            return Opening(max(begin, start_at) if start_at else begin, end)
    return None


def _periods(windows: Iterable[Window], at: datetime) -> list[tuple[datetime, datetime]]:
    """Return the periods around ``at``; a clock change shortens or lengthens one, or leaves nothing of it."""
    found: list[tuple[datetime, datetime]] = []
    for window in windows:
        today = at.astimezone(window.zone).date()
        for offset in range(-2, _AHEAD):
            day = today + timedelta(days=offset)
            if day.weekday() not in window.days:
                continue
            last = day if window.end > window.start else day + timedelta(days=1)
            begin = _moment(day, window.start, window.zone, fold=0)
            end = _moment(last, window.end, window.zone, fold=1)
            if begin < end:
                found.append((begin, end))
    return sorted(found)


def _moment(day: date, clock: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return a local time as UTC. ``fold``: the first or second of two, when clocks are set back.

    A time that is left out when clocks are set forward counts as the moment of the change.
    """
    local = datetime.combine(day, clock.replace(fold=fold), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    before = local.replace(fold=1).astimezone(UTC)
    after = local.replace(fold=0).astimezone(UTC)
    return _change(min(before, after), max(before, after), zone)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return when the offset of a zone changes between two times, to the second."""
    first = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == first:
            low = middle
        else:
            high = middle
    return high


def _merged(periods: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged = list(periods[:1])
    for _, (begin, end) in pairwise(periods):
        last_begin, last_end = merged[-1]
        if begin <= last_end:
            merged[-1] = (last_begin, max(last_end, end))
        else:
            merged.append((begin, end))
    return merged
