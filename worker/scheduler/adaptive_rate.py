"""What a provider really allows, learned from its refusals: decrease at once, increase slowly.

A 429 says that the calls of the last minute were one too many, and the attempts say how many they were. So
the new rate is a little below that number, not a blind half. From there it grows, slowly at first, so that
the limit is touched every few minutes only, and faster the longer nobody complains (as CUBIC does, RFC 9438):
limits that were lifted are found again. Nothing is written while it grows: the rate follows from the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

_BELOW = 0.94  # of what was accepted in the last minute
_LEAST = 1.0  # calls per minute; below that a channel would never find out that it may do more
_GUESS = 20.0  # calls per minute, where nothing is known yet
_RAMP = timedelta(seconds=15)  # after a rest, half the rate grows to the whole
_IDLE = timedelta(minutes=2)  # without a start, after which a channel begins slowly again
_SATURATED = timedelta(seconds=5)  # to rest from an overload
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AdaptiveRate:
    """What is known of a channel's hidden limits.

    ``rate``: calls per minute right after the last refusal. ``resumed``: when calls began again. ``rest``:
    the seconds that they had stopped. ``refusals``: in a row, with no accepted call between.
    ``concurrency``: calls in flight right after the last refusal for that reason, which was at ``crowded``.
    ``told``: calls per minute that the provider named as its limit. ``woken``: when calls began after idling.
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
        """Begin slowly if nothing was started yet, or for a while."""
        idle = last_start is not None and now - last_start > _IDLE
        return replace(self, woken=now) if idle or (self.woken is None and self.rate is None) else self

    def rate_at(self, now: datetime, ceiling: float | None) -> float | None:
        """Return the calls per minute allowed now; ``None``: no limit is known. Never above ``ceiling``."""
        limits = [limit for limit in (ceiling, self.told) if limit is not None]
        ceiling = min(limits, default=None)
        if self.rate is None or self.resumed is None:
            return ceiling
        minutes = max((now - self.resumed).total_seconds(), 0) / 60
        # a long rest was expensive, and with few calls each refusal weighs more: touch the limit more seldom
        patience = max(1.0, self.rest / 20, 15 / self.rate)
        grown = self.rate + _growth(self.rate, minutes / patience)
        begun = max(self.resumed, self.woken or self.resumed)
        grown *= min(1.0, 0.5 + 0.5 * ((now - begun) / _RAMP))
        return max(min(grown, ceiling) if ceiling is not None else grown, min(_LEAST, ceiling or _LEAST))

    def concurrency_at(self, now: datetime, ceiling: int) -> int:
        """Return the calls in flight allowed now: one more every minute since the last refusal."""
        if self.concurrency is None or self.crowded is None:
            return ceiling
        return max(1, min(ceiling, self.concurrency + int((now - self.crowded) / timedelta(minutes=1))))

    def to_json(self) -> dict[str, Any]:
        """Return what is kept in the channel's row."""
        kept: dict[str, Any] = _ADAPTIVE_RATE.dump_python(self, mode="json")
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> "AdaptiveRate":
        """Read what a channel's row keeps."""
        return _ADAPTIVE_RATE.validate_python(kept or {})


_ADAPTIVE_RATE = TypeAdapter(AdaptiveRate)


@dataclass(frozen=True, slots=True)
class LastMinute:
    """The accepted calls of the last 60 s on a channel: how many, when the first and the last were sent."""

    accepted: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


def after_rate_limit(
    known: AdaptiveRate, now: datetime, ceiling: float | None, last: LastMinute, retry_after: timedelta | None
) -> AdaptiveRate:
    """Learn from a 429 about the rate. The channel may call again from ``resumed`` on."""
    if known.resumed is not None and known.resumed > now:  # a call of the crowd that was refused already
        resumed = max(known.resumed, now + (retry_after or _SHORTEST))
        return replace(known, resumed=resumed, rest=known.rest + (resumed - known.resumed).total_seconds())
    in_vain = _in_vain(known, last)
    again = known.refusals + 1 if in_vain else 1
    rest = max(_own_rest(now, last, again) if retry_after is None else retry_after, _SHORTEST)
    before = known.rate_at(now, ceiling) or _GUESS
    if in_vain and known.rate is not None:
        rate = known.rate  # the rest was too short; of the rate nothing new is known
    else:
        rate = max(_BELOW * _per_minute(last, now, retry_after), before / 2, _LEAST)
    rate = rate if ceiling is None else min(rate, ceiling)
    return replace(known, rate=rate, resumed=now + rest, rest=rest.total_seconds(), refusals=again)


def after_overload(
    known: AdaptiveRate, now: datetime, last: LastMinute, retry_after: timedelta | None
) -> AdaptiveRate | None:
    """Learn from the provider's own overload: rest, and longer while it lasts. No rate is learned from it.

    ``None`` if it has come again soon after calls that were accepted: then it is a limit by another name, as
    relays say it when their account is refused.
    """
    rest = retry_after or _SATURATED
    if known.resumed is not None and known.resumed > now:  # a call of the crowd that was refused already
        return replace(known, resumed=max(known.resumed, now + rest))
    if known.resumed is None or now - known.resumed > _LONGEST:
        return replace(known, resumed=now + rest, rest=rest.total_seconds(), refusals=1)
    in_vain = _in_vain(known, last)
    if not in_vain and now < known.resumed + timedelta(minutes=1):
        return None
    again = known.refusals + 1 if in_vain else 1
    rest = retry_after or min(_SATURATED * (1 << min(again - 1, 10)), _LONGEST)
    return replace(known, resumed=now + rest, rest=rest.total_seconds(), refusals=again)


def _in_vain(known: AdaptiveRate, last: LastMinute) -> bool:
    """Tell whether nothing was accepted since calls began again."""
    return known.resumed is not None and (last.newest is None or last.newest < known.resumed)


def after_concurrency_limit(known: AdaptiveRate, now: datetime, in_flight: int) -> AdaptiveRate:
    """Learn from a refusal because too many calls were in flight."""
    fewer = max(in_flight - 1, 1)
    return replace(known, concurrency=fewer, crowded=now)


def _growth(rate: float, minutes: float) -> float:
    return max(rate * 0.008, 0.1) * minutes + rate * 0.0001 * minutes**3


def _per_minute(last: LastMinute, now: datetime, retry_after: timedelta | None) -> float:
    """Return the calls per minute that were one too many.

    Calls that were accepted within a short time, with a short wait after them, tell of a short window.
    """
    if last.oldest is None or retry_after is None:
        return last.accepted
    window = min(max(now - last.oldest + retry_after, _SHORTEST), timedelta(minutes=1))
    return last.accepted * (timedelta(minutes=1) / window)


def _own_rest(now: datetime, last: LastMinute, again: int) -> timedelta:
    """Say how long to rest when the provider does not: until the oldest call of the minute is over."""
    if last.oldest is not None and again == 1:
        return min(max(last.oldest + timedelta(minutes=1) - now, _SHORTEST), timedelta(minutes=1))
    return min(timedelta(seconds=5) * (1 << min(again - 1, 10)), _LONGEST)
