"""Adaptive rate: learned from 429s by multiplicative decrease and slow growth (AIMD, CUBIC).

A 429 means that the calls of the last minute were one too many, and the attempts say how many they were. So
the new rate is a little below that number, not half of it. From there it grows, slowly at first, so that the
limit is reached every few minutes only, and faster the longer no call is refused (as CUBIC does, RFC 9438):
limits that were raised are found again. Nothing is written while it grows: the rate follows from the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

_DECREASE = 0.94  # of what was accepted in the last minute
_MIN_RATE = 1.0  # calls per minute; below that a channel would hardly notice a higher limit
_INITIAL_RATE = 20.0  # calls per minute, where nothing is known yet
_RAMP = timedelta(seconds=15)  # in which half the rate grows to the whole, after a cool-down
_IDLE = timedelta(minutes=2)  # without a start, after which a channel starts slowly again
_OVERLOAD_COOLDOWN = timedelta(seconds=5)
_MIN_COOLDOWN, _MAX_COOLDOWN = timedelta(seconds=1), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AdaptiveRate:
    """What is known of a channel's undocumented limits.

    ``rate``: calls per minute right after the last refusal. ``resumed``: end of the cool-down after it.
    ``rest``: length of that cool-down in seconds. ``refusals``: in a row, with no accepted call between.
    ``concurrency``: calls in flight right after the last refusal for concurrency, which was at ``crowded``.
    ``told``: calls per minute that the provider stated as its limit. ``woken``: first start after idling.
    """

    rate: float | None = None
    resumed: datetime | None = None
    rest: float = 0.0
    refusals: int = 0
    concurrency: int | None = None
    crowded: datetime | None = None
    told: float | None = None
    woken: datetime | None = None

    def after_idle(self, now: datetime, last_start: datetime | None) -> "AdaptiveRate":
        """Begin a slow start if nothing was started yet, or for a while."""
        idle = last_start is not None and now - last_start > _IDLE
        return replace(self, woken=now) if idle or (self.woken is None and self.rate is None) else self

    def rate_at(self, now: datetime, ceiling: float | None) -> float | None:
        """Return the calls per minute allowed now, at most ``ceiling``; ``None``: no limit is known."""
        limits = [limit for limit in (ceiling, self.told) if limit is not None]
        ceiling = min(limits, default=None)
        if self.rate is None or self.resumed is None:
            return ceiling
        minutes = max((now - self.resumed).total_seconds(), 0) / 60
        # a long cool-down was expensive, and with few calls each refusal weighs more: grow more slowly
        stretch = max(1.0, self.rest / 20, 15 / self.rate)
        grown = self.rate + _growth(self.rate, minutes / stretch)
        resumed = max(self.resumed, self.woken or self.resumed)
        grown *= min(1.0, 0.5 + 0.5 * ((now - resumed) / _RAMP))
        return max(
            min(grown, ceiling) if ceiling is not None else grown, min(_MIN_RATE, ceiling or _MIN_RATE)
        )

    def concurrency_at(self, now: datetime, ceiling: int) -> int:
        """Return the calls in flight allowed now: one more for every minute since the last refusal."""
        if self.concurrency is None or self.crowded is None:
            return ceiling
        return max(1, min(ceiling, self.concurrency + int((now - self.crowded) / timedelta(minutes=1))))

    def to_json(self) -> dict[str, Any]:
        """Return the state as the channel's row stores it."""
        state: dict[str, Any] = _ADAPTIVE_RATE.dump_python(self, mode="json")
        return state

    @classmethod
    def from_json(cls, state: Mapping[str, Any] | None) -> "AdaptiveRate":
        """Read the state from a channel's row."""
        return _ADAPTIVE_RATE.validate_python(state or {})


_ADAPTIVE_RATE = TypeAdapter(AdaptiveRate)


@dataclass(frozen=True, slots=True)
class LastMinute:
    """Accepted calls of the last 60 s on a channel: how many, and when the first and the last were sent."""

    accepted: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


def after_rate_limit(
    known: AdaptiveRate, now: datetime, ceiling: float | None, last: LastMinute, retry_after: timedelta | None
) -> AdaptiveRate:
    """Return the state after a 429: a lower rate, and a cool-down until ``resumed``."""
    if known.resumed is not None and known.resumed > now:  # sent before the first of these calls was refused
        resumed = max(known.resumed, now + (retry_after or _MIN_COOLDOWN))
        return replace(known, resumed=resumed, rest=known.rest + (resumed - known.resumed).total_seconds())
    still_refused = _still_refused(known, last)
    refusals = known.refusals + 1 if still_refused else 1
    rest = max(_cooldown(now, last, refusals) if retry_after is None else retry_after, _MIN_COOLDOWN)
    before = known.rate_at(now, ceiling) or _INITIAL_RATE
    if still_refused and known.rate is not None:
        rate = known.rate  # the cool-down was too short; of the rate nothing new is known
    else:
        rate = max(_DECREASE * _per_minute(last, now, retry_after), before / 2, _MIN_RATE)
    rate = rate if ceiling is None else min(rate, ceiling)
    return replace(known, rate=rate, resumed=now + rest, rest=rest.total_seconds(), refusals=refusals)


def after_overload(
    known: AdaptiveRate, now: datetime, last: LastMinute, retry_after: timedelta | None
) -> AdaptiveRate | None:
    """Return the state after the provider's own overload: a cool-down, longer while it lasts; the same rate.

    ``None`` if it comes again soon after accepted calls: then it is a rate limit by another name, as relays
    report it when their own account is refused.
    """
    rest = retry_after or _OVERLOAD_COOLDOWN
    if known.resumed is not None and known.resumed > now:  # sent before the first of these calls was refused
        return replace(known, resumed=max(known.resumed, now + rest))
    if known.resumed is None or now - known.resumed > _MAX_COOLDOWN:
        return replace(known, resumed=now + rest, rest=rest.total_seconds(), refusals=1)
    still_refused = _still_refused(known, last)
    if not still_refused and now < known.resumed + timedelta(minutes=1):
        return None
    refusals = known.refusals + 1 if still_refused else 1
    rest = retry_after or min(_OVERLOAD_COOLDOWN * (1 << min(refusals - 1, 10)), _MAX_COOLDOWN)
    return replace(known, resumed=now + rest, rest=rest.total_seconds(), refusals=refusals)


def _still_refused(known: AdaptiveRate, last: LastMinute) -> bool:
    """Return whether no call was accepted since the last cool-down."""
    return known.resumed is not None and (last.newest is None or last.newest < known.resumed)


def after_concurrency_limit(known: AdaptiveRate, now: datetime, in_flight: int) -> AdaptiveRate:
    """Return the state after a refusal because too many calls were in flight."""
    return replace(known, concurrency=max(in_flight - 1, 1), crowded=now)


def _growth(rate: float, minutes: float) -> float:
    return max(rate * 0.008, 0.1) * minutes + rate * 0.0001 * minutes**3


def _per_minute(last: LastMinute, now: datetime, retry_after: timedelta | None) -> float:
    """Return the calls per minute that were one too many.

    Calls that were accepted within a short time, with a short Retry-After, indicate a short window.
    """
    if last.oldest is None or retry_after is None:
        return last.accepted
    window = min(max(now - last.oldest + retry_after, _MIN_COOLDOWN), timedelta(minutes=1))
    return last.accepted * (timedelta(minutes=1) / window)


def _cooldown(now: datetime, last: LastMinute, refusals: int) -> timedelta:
    """Return the cool-down where the provider names none: until the oldest call of the minute is over."""
    if last.oldest is not None and refusals == 1:
        return min(max(last.oldest + timedelta(minutes=1) - now, _MIN_COOLDOWN), timedelta(minutes=1))
    return min(timedelta(seconds=5) * (1 << min(refusals - 1, 10)), _MAX_COOLDOWN)
