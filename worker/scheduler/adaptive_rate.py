"""Adaptive rate: learned from 429s by multiplicative decrease and slow growth (AIMD, CUBIC).

Not every 429 means that calls come too fast: relays refuse some by chance, at any rate. A refusal counts as a
limit if it comes when as many calls were accepted within a minute as in none before, or if refusals become
clearly more frequent than they are by chance (a cumulative sum of log-likelihood ratios: E. S. Page, 1954).
Any other refusal is rested from for a moment, and changes no rate.

A limit means that the calls of the last minute were one too many, and the attempts say how many they were. So
the new rate is a little below that number, not half of it. From there it grows, slowly at first, so that the
limit is reached every few minutes only, and faster the longer no limit is met (as CUBIC does, RFC 9438):
limits that were raised are found again. Nothing is written while it grows: the rate follows from the time.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from models.queries.attempts import SentCall

HISTORY = timedelta(minutes=5)  #: of calls, by which a refusal is judged
_MINUTE = timedelta(minutes=1)
_DECREASE = 0.94  # of what was accepted in the last minute
_MIN_RATE = 1.0  # calls per minute; below that a channel would hardly notice a higher limit
_INITIAL_RATE = 20.0  # calls per minute, where nothing is known yet
_RAMP = timedelta(seconds=15)  # in which half the rate grows to the whole, after a cool-down
_LONG_REST = 2.0  # seconds of a cool-down that is followed by this ramp
_IDLE = timedelta(minutes=2)  # without a start, after which a channel starts slowly again
_OVERLOAD_COOLDOWN = timedelta(seconds=5)
_MIN_COOLDOWN, _MAX_COOLDOWN = timedelta(seconds=1), timedelta(minutes=10)
_NAMED_FOR = timedelta(hours=1)  # how long a limit in the provider's words holds; then it grows like others
_CLEAR_WAIT = timedelta(seconds=5)  # a Retry-After from which on the first refusal of all is a limit
_SURE = 3.5  # cumulative sum from which on refusals are a limit: odds of about 30 to 1
_AT_LIMIT = 0.2  # share of calls refused at a limit
_BY_CHANCE = 0.04  # share of calls refused by chance at most: more of them are a limit
_UNKNOWN_GAIN, _UNKNOWN_LEAK = 1.3, 0.13  # of the sum, where no rate is known: refusals come in clusters


@dataclass(frozen=True, slots=True)
class AdaptiveRate:
    """What is known of the undocumented limits of a channel, or of one model on it.

    ``rate``: calls per minute right after the last limit was met; ``before``: until then (``None``: no limit
    was known). ``resumed``: end of the cool-down after it. ``rest``: length of that cool-down in seconds.
    ``refusals``: in a row, with no accepted call between. ``spacing``: calls from one refusal by chance to
    the next, on average. ``concurrency``: calls in flight right after the last refusal for concurrency, which
    was at ``crowded``. ``told``: calls per minute that the provider stated as its limit, at ``told_at``.
    ``woken``: first start after idling.
    """

    rate: float | None = None
    resumed: datetime | None = None
    rest: float = 0.0
    refusals: int = 0
    concurrency: int | None = None
    crowded: datetime | None = None
    told: float | None = None
    told_at: datetime | None = None
    woken: datetime | None = None
    before: float | None = None
    spacing: float = 200.0

    def after_idle(self, now: datetime, last_start: datetime | None) -> "AdaptiveRate":
        """Begin a slow start if nothing was started yet, or for a while; idle time is no reason to grow."""
        idle = now - last_start if last_start is not None else timedelta()
        if idle > _IDLE:
            resumed = min(self.resumed + idle, now) if self.resumed is not None else None
            return replace(self, woken=now, resumed=resumed)
        return replace(self, woken=now) if self.woken is None and self.rate is None else self

    @property
    def limit_met_at(self) -> datetime | None:
        """When the last limit was met; ``None`` if no rate is known."""
        if self.rate is None or self.resumed is None:
            return None
        return self.resumed - timedelta(seconds=self.rest)

    def without_last_limit(self) -> "AdaptiveRate":
        """Return to the rate before the last limit: another one was met."""
        return replace(self, rate=self.before, rest=0.0, resumed=self.resumed if self.before else None)

    def rate_at(self, now: datetime, ceiling: float | None) -> float | None:
        """Return the calls per minute allowed now, at most ``ceiling``; ``None``: no limit is known."""
        limits = [limit for limit in (ceiling, self._named_at(now)) if limit is not None]
        ceiling = min(limits, default=None)
        if self.rate is None or self.resumed is None:
            return ceiling
        minutes = max((now - self.resumed).total_seconds(), 0) / 60
        # a long cool-down was expensive, and with few calls each refusal weighs more: grow more slowly
        stretch = max(1.0, self.rest / 20, 15 / self.rate)
        grown = self.rate + _growth(self.rate, minutes / stretch)
        begun = [at for at in (self.resumed if self.rest > _LONG_REST else None, self.woken) if at]
        if begun:
            grown *= min(1.0, 0.5 + 0.5 * ((now - max(begun)) / _RAMP))
        return max(
            min(grown, ceiling) if ceiling is not None else grown, min(_MIN_RATE, ceiling or _MIN_RATE)
        )

    def concurrency_at(self, now: datetime, ceiling: int) -> int:
        """Return the calls in flight allowed now: one more for every minute since the last refusal."""
        if self.concurrency is None or self.crowded is None:
            return ceiling
        return max(1, min(ceiling, self.concurrency + int((now - self.crowded) / _MINUTE)))

    def to_json(self) -> dict[str, Any]:
        """Return the state as the channel's row stores it."""
        state: dict[str, Any] = _ADAPTIVE_RATE.dump_python(self, mode="json")
        return state

    @classmethod
    def from_json(cls, state: Mapping[str, Any] | None) -> "AdaptiveRate":
        """Read the state from a channel's row."""
        return _ADAPTIVE_RATE.validate_python(state or {})

    def _named_at(self, now: datetime) -> float | None:
        """Return the limit in the provider's words; it holds for a while, then it grows."""
        if self.told is None or self.told_at is None:
            return None
        minutes = max((now - self.told_at - _NAMED_FOR).total_seconds(), 0) / 60
        return self.told + _growth(self.told, minutes)


_ADAPTIVE_RATE = TypeAdapter(AdaptiveRate)


class AfterRefusal(NamedTuple):
    """What follows a refusal: the state, and until when nothing starts. ``limited``: a limit was met."""

    rate: AdaptiveRate
    until: datetime
    limited: bool = False


def after_rate_limit(
    known: AdaptiveRate,
    now: datetime,
    ceiling: float | None,
    calls: Sequence[SentCall],
    retry_after: timedelta | None,
) -> AfterRefusal:
    """Return what follows a 429. ``calls``: those of ``HISTORY``, the refused one included, in order."""
    if known.resumed is not None and known.resumed > now:  # sent before the first of these calls was refused
        resumed = max(known.resumed, now + (retry_after or _MIN_COOLDOWN))
        rest = known.rest + (resumed - known.resumed).total_seconds()
        return AfterRefusal(replace(known, resumed=resumed, rest=rest), resumed)
    if _still_refused(known, now, calls):  # the cool-down was too short; of the rate nothing new is known
        return _rested(known, now, retry_after or _backoff(known.refusals + 1), known.refusals + 1)
    last = [call.sent_at for call in calls if call.sent_at > now - _MINUTE and not call.refused]
    suspicion = _suspect(known, calls)
    known = replace(known, spacing=suspicion.spacing)
    clear = known.rate is None and retry_after is not None and retry_after >= _CLEAR_WAIT
    if suspicion.total < _SURE and not clear:
        pause = min(_MIN_COOLDOWN, 2 * _MINUTE / max(len(last), 1))
        return AfterRefusal(known, now + (pause if retry_after is None else max(retry_after, _MIN_COOLDOWN)))
    before = known.rate_at(now, ceiling)
    rate = _DECREASE * min(_per_minute(known, now, last, retry_after), before or math.inf)
    rate = min(max(rate, (before or _INITIAL_RATE) / 2, _MIN_RATE), ceiling or math.inf)
    met = replace(known, rate=rate, before=before if known.rate is not None else None)
    return _rested(met, now, _cooldown(now, last) if retry_after is None else retry_after, 1, limited=True)


def after_overload(
    known: AdaptiveRate, now: datetime, calls: Sequence[SentCall], retry_after: timedelta | None
) -> AfterRefusal | None:
    """Return what follows the provider's own overload: a cool-down, longer while it lasts; the same rate.

    ``None`` if it comes again soon after accepted calls: then it is a rate limit by another name, as relays
    report it when their own account is refused.
    """
    rest = retry_after or _OVERLOAD_COOLDOWN
    if known.resumed is not None and known.resumed > now:  # sent before the first of these calls was refused
        resumed = max(known.resumed, now + rest)
        return AfterRefusal(replace(known, resumed=resumed), resumed)
    if known.resumed is None or now - known.resumed > _MAX_COOLDOWN:
        return _rested(known, now, rest, 1)
    still_refused = _still_refused(known, now, calls)
    if not still_refused and now < known.resumed + _MINUTE:
        return None
    refusals = known.refusals + 1 if still_refused else 1
    longer = min(_OVERLOAD_COOLDOWN * (1 << min(refusals - 1, 10)), _MAX_COOLDOWN)
    return _rested(known, now, retry_after or longer, refusals)


def after_concurrency_limit(known: AdaptiveRate, now: datetime, in_flight: int) -> AdaptiveRate:
    """Return the state after a refusal because too many calls were in flight."""
    return replace(known, concurrency=max(in_flight - 1, 1), crowded=now)


def after_named_limit(known: AdaptiveRate, now: datetime, rpm: float) -> AdaptiveRate:
    """Return the state after the provider named its limit in words, in calls per minute."""
    return replace(known, told=rpm, told_at=now)


def _growth(rate: float, minutes: float) -> float:
    return max(rate * 0.008, 0.1) * minutes + rate * 0.0001 * minutes**3


def _rested(
    known: AdaptiveRate, now: datetime, rest: timedelta, refusals: int, *, limited: bool = False
) -> AfterRefusal:
    rest = max(rest, _MIN_COOLDOWN)
    state = replace(known, resumed=now + rest, rest=rest.total_seconds(), refusals=refusals)
    return AfterRefusal(state, now + rest, limited)


def _still_refused(known: AdaptiveRate, now: datetime, calls: Sequence[SentCall]) -> bool:
    """Return whether calls were made since the last cool-down, and none of them was accepted."""
    if known.resumed is None or now - known.resumed > max(HISTORY, known.rest * timedelta(seconds=1)):
        return False
    return not any(call.refused is False for call in calls if call.sent_at >= known.resumed)


class _Suspicion(NamedTuple):
    """How likely the refusals are a limit (``total``), and the calls from one to the next by chance."""

    total: float
    spacing: float


def _suspect(known: AdaptiveRate, calls: Sequence[SentCall]) -> _Suspicion:
    """Judge the refusals since the last cool-down.

    A refusal at the most calls that were accepted within a minute speaks for a limit; one at fewer calls
    speaks half as much for it, and its distance from the refusal before counts for the spacing by chance.
    """
    chance = min(max(1 / known.spacing, 0.001), _BY_CHANCE)
    gain = math.log(_AT_LIMIT / chance)
    leak = chance * gain
    if known.rate is None:
        gain, leak = _UNKNOWN_GAIN, _UNKNOWN_LEAK
    in_minute = _counts(calls)
    most, total, distance = max(in_minute, default=0), 0.0, 0
    latest, by_chance = 0, False  # of the last refusal: calls since the one before; at fewer than the most
    for call, count in zip(calls, in_minute, strict=True):
        fresh = known.resumed is None or call.sent_at >= known.resumed
        distance += 1
        if call.refused:
            latest, by_chance, distance = distance, count < most, 0
            total += (gain / 2 if by_chance else gain) if fresh else 0
        elif fresh and call.refused is False:
            total = max(total - leak, 0)
    learns = by_chance or latest > known.spacing
    return _Suspicion(total, known.spacing + 0.2 * (latest - known.spacing) if learns else known.spacing)


def _counts(calls: Sequence[SentCall]) -> list[int]:
    """Return for each call how many were accepted in the minute up to it."""
    window, counts = deque[datetime](), list[int]()
    for call in calls:
        while window and window[0] <= call.sent_at - _MINUTE:
            window.popleft()
        if not call.refused:
            window.append(call.sent_at)
        counts.append(len(window))
    return counts


def _per_minute(
    known: AdaptiveRate, now: datetime, last: Sequence[datetime], retry_after: timedelta | None
) -> float:
    """Return the calls per minute that were one too many; the cool-down is left out of the minute.

    Calls that were accepted within a short time, with a short Retry-After, indicate a short window.
    """
    if not last:
        return 0.0
    window = _MINUTE if retry_after is None else max(now - last[0] + retry_after, _MIN_COOLDOWN)
    if window < _MINUTE:
        return len(last) * (_MINUTE / window)
    rested = timedelta()
    if known.resumed is not None:
        began = max(known.resumed - timedelta(seconds=known.rest), now - _MINUTE)
        rested = max(known.resumed - began, rested)
    return len(last) / max(1 - rested / _MINUTE, 1 / 6)


def _cooldown(now: datetime, last: Sequence[datetime]) -> timedelta:
    """Return the cool-down where the provider names none: until the oldest call of the minute is over."""
    return min(max(last[0] + _MINUTE - now, _MIN_COOLDOWN), _MINUTE) if last else _backoff(1)


def _backoff(refusals: int) -> timedelta:
    return min(timedelta(seconds=5) * (1 << min(refusals - 1, 10)), _MAX_COOLDOWN)
