"""When a provider wants to be asked again: headers first, then the body, then its words."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from models.outcomes import CallLimit
from worker.upstream.matching import to_simplified
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.response_headers import rate_limits, response_date, seconds_until

_LONGEST = 31 * 86400.0  #: seconds
_NEAR_END = 4096  #: characters at either end of a text in which waits are named
_UNIT = r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|秒钟?|分钟?|小时|天)"
_AMOUNT = r"(\d{1,9}(?:\.\d{1,9})?|\ban?(?=\s))\s*"
_SPAN = re.compile(
    r"(?:(?:try(?:ing)? again|retry\w{0,9}|wait|available|come back|reset\w{0,9})[^.\d\n]{0,24}?"
    r"\b(?:in|after|for|about)|\bwait)[\s:=]+(?:about\s+|at least\s+)?"
    r"((?:" + _AMOUNT + _UNIT + r"(?![a-z])[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s{0,9}(?:个)?(秒钟?|分钟?|小时|天)(?:后|之后|以后)|等待?\s*(\d+)\s*(秒钟?|分钟?|小时)"
)
_FIELD = re.compile(r"retry[-_ ]?after[\"']?\s*[:=]\s*(\d+(?:\.\d+)?)\b(?!\s*[a-z])", re.IGNORECASE)
_WINDOW = re.compile(r"(\d{1,9})\s{0,9}(?:个)?(秒钟?|分钟|小时|天)\s*内")
_PIECE = re.compile(_AMOUNT + _UNIT, re.IGNORECASE)
_LIMITS = (
    re.compile(
        r"(?P<period>\d{1,9})\s{0,9}(?:个)?(?P<unit>秒钟?|分钟|小时|天)\s*内[^\d\n]{0,12}?(?P<calls>\d{1,9})\s{0,9}(?:次|个)"
    ),
    re.compile(
        r"(?:max\w{0,9}|most|limit\w{0,9}|only)\D{0,16}(?P<calls>\d{1,9}) (?:requests?|calls?|images?|times?)"
        r" (?:per|in|within|every|each)\s*(?P<period>\d{1,9})? ?(?P<unit>seconds?|minutes?|hours?|days?)\b"
    ),
)
_HINTS = (
    "retry_after",
    "retryAfter",
    "retry_after_seconds",
    "retry-after",
    "retryDelay",
    "retry_delay",
    "reset_at",
    "resetAt",
    "resets_at",
)
_HINTS_MS = ("retry_after_ms", "retryAfterMs", "retry-after-ms")


def retry_after(
    headers: Mapping[str, str], error: ErrorObject | None = None, text: str = ""
) -> timedelta | None:
    """Return how long to wait by the provider's own account, or ``None`` if it does not say.

    Absolute times count from the response's own ``Date``.
    """
    seconds = seconds_to_wait(headers, error, text)
    return None if seconds is None else timedelta(seconds=seconds)


def seconds_to_wait(
    headers: Mapping[str, str], error: ErrorObject | None = None, text: str = ""
) -> float | None:
    """Return the same as exact seconds."""
    lowered = {name.lower(): value for name, value in headers.items()}
    moment = response_date(lowered)
    found = (seconds for seconds in _candidates(lowered, moment, error, text) if seconds is not None)
    return next((min(max(seconds, 0.0), _LONGEST) for seconds in found), None)


def call_limit(text: str) -> CallLimit | None:
    """Return the limit that a sentence names: ``1分钟内最多请求3次``, ``maximum 3 requests per minute``."""
    text = to_simplified(text.lower())
    match = next((found for pattern in _LIMITS if (found := pattern.search(text))), None)
    if match is None or not int(match["calls"]):
        return None
    period = int(match["period"] or 1) * _unit(match["unit"])
    return CallLimit(int(match["calls"]), timedelta(seconds=period)) if 0 < period <= 1e7 else None


def seconds_in(text: str) -> float | None:
    """Return the wait that a sentence names: ``try again in 6m0s``, ``after 43 seconds``, ``1分钟内``."""
    text = to_simplified(text if len(text) <= 2 * _NEAR_END else text[:_NEAR_END] + text[-_NEAR_END:])
    if match := _SPAN.search(text):
        pieces = _PIECE.finditer(match[1])
        return sum((1.0 if piece[1][0] in "aA" else float(piece[1])) * _unit(piece[2]) for piece in pieces)
    if match := _FIELD.search(text):
        return float(match[1])
    match = _CHINESE.search(text) or _WINDOW.search(text)
    if match is None:
        return None
    number, unit = (found for found in match.groups() if found)
    return float(number) * _unit(unit)


def _candidates(
    headers: Mapping[str, str], moment: datetime | None, error: ErrorObject | None, text: str
) -> Iterator[float | None]:
    yield _milliseconds(headers.get("retry-after-ms", ""))
    yield _asked(headers.get("retry-after", ""), moment)
    for layer in error.layers if error is not None else ():
        yield from _in_body(layer, moment)
    exhausted = [bucket.reset for bucket in rate_limits(headers).values() if bucket.remaining == 0]
    yield max((reset for reset in exhausted if reset is not None), default=None)
    yield seconds_in(error.message) if error is not None else None
    yield seconds_in(text)


def _in_body(layer: Mapping[str, Any], moment: datetime | None) -> Iterator[float | None]:
    metadata, details = layer.get("metadata"), layer.get("details")
    places = [layer, metadata, *(details if isinstance(details, list) else [details])]
    for place in places:
        if isinstance(place, dict):
            yield from (_milliseconds(str(place[name])) for name in _HINTS_MS if name in place)
            yield from (_delay(place[name], moment) for name in _HINTS if name in place)
    inner = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(inner, dict):
        lowered = {str(name).lower(): str(value) for name, value in inner.items()}
        yield _asked(lowered.get("retry-after", ""), moment)
        yield seconds_until(lowered.get("x-ratelimit-reset", ""), moment)


def _delay(value: object, moment: datetime | None) -> float | None:
    """Read a wait in a body: a number of seconds, a duration, or Google's ``{seconds, nanos}``."""
    if isinstance(value, dict):
        parts = (seconds_until(str(value.get(name, 0)), None) or 0.0 for name in ("seconds", "nanos"))
        whole, nanos = parts
        return whole + nanos / 1e9
    return _asked(str(value), moment) if isinstance(value, str | int | float) else None


def _asked(value: str, moment: datetime | None) -> float | None:
    """Read a ``Retry-After``; of one that was sent twice, the first."""
    seconds = seconds_until(value, moment)
    return seconds_until(value.partition(",")[0], moment) if seconds is None and "," in value else seconds


def _milliseconds(value: str) -> float | None:
    seconds = seconds_until(value, None)
    return None if seconds is None else seconds / 1000


def _unit(name: str) -> float:
    name = name.lower()
    if name.startswith(("ms", "milli")):
        return 0.001
    if name.startswith(("s", "秒")):
        return 1.0
    if name.startswith(("d", "天")):
        return 86400.0
    return 60.0 if name.startswith(("m", "分")) else 3600.0
