"""Retry-after of a failed call: from the response headers, then the body, then the provider's message."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from models.outcomes import CallLimit
from worker.upstream.matching import to_simplified
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.response_headers import rate_limits, response_date, seconds_until

_MAX_WAIT = 31 * 86400.0  #: seconds
_MAX_REST_IN_WORDS = timedelta(hours=2)  #: of a channel; a sentence is a weaker source than a header
_TEXT_ENDS = 4096  #: characters at each end of a text that are searched
_UNIT = r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|秒钟?|分钟?|小时|天)"
_AMOUNT = r"(\d{1,9}(?:\.\d{1,9})?|\ban?(?=\s))\s*"
_AMOUNT_AND_UNIT = re.compile(_AMOUNT + _UNIT, re.IGNORECASE)
_WAIT = re.compile(
    r"(?:(?:try(?:ing)? again|retry\w{0,9}|wait|available|come back|reset\w{0,9})[^.\d\n]{0,24}?"
    r"\b(?:in|after|for|about)|\bwait)[\s:=]+(?:about\s+|at least\s+)?"
    r"((?:" + _AMOUNT + _UNIT + r"(?![a-z])[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_FIELD_IN_TEXT = re.compile(r"retry[-_ ]?after[\"']?\s*[:=]\s*(\d+(?:\.\d+)?)\b(?!\s*[a-z])", re.IGNORECASE)
_WAIT_CHINESE = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s{0,9}(?:个)?(秒钟?|分钟?|小时|天)(?:后|之后|以后)|等待?\s*(\d+)\s*(秒钟?|分钟?|小时)"
)
_WINDOW_CHINESE = re.compile(r"(\d{1,9})\s{0,9}(?:个)?(秒钟?|分钟|小时|天)\s*内")
_CALL_LIMITS = (
    re.compile(
        r"(?P<period>\d{1,9})\s{0,9}(?:个)?(?P<unit>秒钟?|分钟|小时|天)\s*内[^\d\n]{0,12}?(?P<calls>\d{1,9})\s{0,9}(?:次|个)"
    ),
    re.compile(
        r"(?:max\w{0,9}|most|limit\w{0,9}|only)\D{0,16}(?P<calls>\d{1,9}) (?:requests?|calls?|images?|times?)"
        r" (?:per|in|within|every|each)\s*(?P<period>\d{1,9})? ?(?P<unit>seconds?|minutes?|hours?|days?)\b"
    ),
)
_FIELDS = (
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
_FIELDS_MS = ("retry_after_ms", "retryAfterMs", "retry-after-ms")


def retry_after(
    headers: Mapping[str, str], error: ErrorObject | None = None, text: str = ""
) -> timedelta | None:
    """Return how long the provider wants the client to wait, or ``None`` if it does not say.

    Absolute times count from the response's own ``Date``. At most 31 days.
    """
    seconds = retry_after_seconds(headers, error, text)
    return None if seconds is None else timedelta(seconds=seconds)


def retry_after_seconds(
    headers: Mapping[str, str], error: ErrorObject | None = None, text: str = ""
) -> float | None:
    """Return ``retry_after`` in seconds, not rounded to microseconds."""
    lowered = {name.lower(): value for name, value in headers.items()}
    moment = response_date(lowered)
    found = (seconds for seconds in _candidates(lowered, moment, error, text) if seconds is not None)
    return next((min(max(seconds, 0.0), _MAX_WAIT) for seconds in found), None)


def channel_rest(
    headers: Mapping[str, str], error: ErrorObject | None, wait: timedelta | None
) -> timedelta | None:
    """Return how long a channel rests instead of ``wait``, its retry-after, if only a sentence says it.

    That is two hours at most; ``None``: it rests as long as the job waits.
    """
    if wait is None or wait <= _MAX_REST_IN_WORDS:
        return None
    by_member = retry_after(headers, replace(error, message="") if error is not None else None)
    return _MAX_REST_IN_WORDS if by_member is None else None


def call_limit(text: str) -> CallLimit | None:
    """Return the rate limit in a message: ``1分钟内最多请求3次``, ``maximum 3 requests per minute``."""
    text = to_simplified(text.lower())
    match = next((found for pattern in _CALL_LIMITS if (found := pattern.search(text))), None)
    if match is None or not int(match["calls"]):
        return None
    period = int(match["period"] or 1) * _unit_seconds(match["unit"])
    return CallLimit(int(match["calls"]), timedelta(seconds=period)) if 0 < period <= 1e7 else None


def _candidates(
    headers: Mapping[str, str], moment: datetime | None, error: ErrorObject | None, text: str
) -> Iterator[float | None]:
    """Yield the waits in seconds, in order of precedence; header names are lower case."""
    yield _milliseconds(headers.get("retry-after-ms", ""))
    yield _header_seconds(headers.get("retry-after", ""), moment)
    for layer in error.layers if error is not None else ():
        yield from _in_body(layer, moment)
    exhausted = [bucket.reset for bucket in rate_limits(headers).values() if bucket.remaining == 0]
    yield max((reset for reset in exhausted if reset is not None), default=None)
    yield _in_text(error.message) if error is not None else None
    yield _in_text(text)


def _in_body(layer: Mapping[str, Any], moment: datetime | None) -> Iterator[float | None]:
    """Yield the waits in one object of an error, its details and metadata."""
    metadata, details = layer.get("metadata"), layer.get("details")
    for value in (layer, metadata, *(details if isinstance(details, list) else [details])):
        if isinstance(value, dict):
            yield from (_milliseconds(str(value[name])) for name in _FIELDS_MS if name in value)
            yield from (_field_seconds(value[name], moment) for name in _FIELDS if name in value)
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(headers, dict):
        lowered = {str(name).lower(): str(value) for name, value in headers.items()}
        yield _header_seconds(lowered.get("retry-after", ""), moment)
        yield seconds_until(lowered.get("x-ratelimit-reset", ""), moment)


def _in_text(text: str) -> float | None:
    """Return the wait in a sentence: ``try again in 6m0s``, ``after 43 seconds``, ``1分钟内``."""
    text = to_simplified(text if len(text) <= 2 * _TEXT_ENDS else text[:_TEXT_ENDS] + text[-_TEXT_ENDS:])
    if match := _WAIT.search(text):
        parts = _AMOUNT_AND_UNIT.finditer(match[1])
        return sum((1.0 if part[1][0] in "aA" else float(part[1])) * _unit_seconds(part[2]) for part in parts)
    if match := _FIELD_IN_TEXT.search(text):
        return float(match[1])
    match = _WAIT_CHINESE.search(text) or _WINDOW_CHINESE.search(text)
    if match is None:
        return None
    amount, unit = (group for group in match.groups() if group)
    return float(amount) * _unit_seconds(unit)


def _field_seconds(value: object, moment: datetime | None) -> float | None:
    """Parse a wait in a body: a number of seconds, a duration, or Google's ``{seconds, nanos}``."""
    if isinstance(value, dict):
        parts = (seconds_until(str(value.get(name, 0)), None) or 0.0 for name in ("seconds", "nanos"))
        seconds, nanos = parts
        return seconds + nanos / 1e9
    return _header_seconds(str(value), moment) if isinstance(value, str | int | float) else None


def _header_seconds(value: str, moment: datetime | None) -> float | None:
    """Parse a ``Retry-After``; of one that was sent twice, the first."""
    seconds = seconds_until(value, moment)
    return seconds_until(value.partition(",")[0], moment) if seconds is None and "," in value else seconds


def _milliseconds(value: str) -> float | None:
    seconds = seconds_until(value, None)
    return None if seconds is None else seconds / 1000


def _unit_seconds(unit: str) -> float:
    unit = unit.lower()
    if unit.startswith(("ms", "milli")):
        return 0.001
    if unit.startswith(("s", "秒")):
        return 1.0
    if unit.startswith(("d", "天")):
        return 86400.0
    return 60.0 if unit.startswith(("m", "分")) else 3600.0
