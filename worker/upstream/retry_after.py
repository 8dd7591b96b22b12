"""When a provider wants to be asked again: headers first, then the body, then its words."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from worker.upstream.faults import Fault
from worker.upstream.limits import duration, rate_limits, response_time, seconds_until

_LONGEST = timedelta(days=31).total_seconds()
_UNIT = r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|秒钟?|分钟?|小时)"
_SPAN = re.compile(
    r"(?:try again|retry|wait|available|come back|reset\w*)[^.\d\n]{0,24}?"
    r"\b(?:in|after|for|about)\s+(?:about\s+)?"
    r"((?:\d+(?:\.\d+)?\s*" + _UNIT + r"(?![a-z])[\s,]*(?:and\s+)?)+)",
    re.IGNORECASE,
)
_CHINESE = re.compile(r"(\d+(?:\.\d+)?)\s*(秒钟?|分钟?|小时)(?:后|之后|以后)")
_WINDOW = re.compile(r"(\d+)\s*(秒钟?|分钟|小时)\s*内")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*" + _UNIT, re.IGNORECASE)


def retry_after(headers: Mapping[str, str], fault: Fault | None = None, text: str = "") -> timedelta | None:
    """Return how long to wait by the provider's own account, or ``None`` if it does not say.

    Absolute times count from the response's own ``Date``.
    """
    seconds = seconds_to_wait(headers, fault, text)
    return None if seconds is None else timedelta(seconds=seconds)


def seconds_to_wait(headers: Mapping[str, str], fault: Fault | None = None, text: str = "") -> float | None:
    """Return the same as exact seconds."""
    lowered = {name.lower(): value for name, value in headers.items()}
    moment = response_time(lowered)
    found = (seconds for seconds in _candidates(lowered, moment, fault, text) if seconds is not None)
    return next((min(max(seconds, 0.0), _LONGEST) for seconds in found), None)


def seconds_in(text: str) -> float | None:
    """Return the wait that a sentence names: ``try again in 6m0s``, ``after 43 seconds``, ``1分钟内``."""
    if match := _SPAN.search(text):
        return sum(float(piece[1]) * _unit(piece[2]) for piece in _PIECE.finditer(match[1]))
    match = _CHINESE.search(text) or _WINDOW.search(text)
    return float(match[1]) * _unit(match[2]) if match else None


def _candidates(
    headers: Mapping[str, str], moment: datetime | None, fault: Fault | None, text: str
) -> Iterator[float | None]:
    milliseconds = seconds_until(headers.get("retry-after-ms", ""), None)
    yield None if milliseconds is None else milliseconds / 1000
    yield seconds_until(headers.get("retry-after", ""), moment) if headers.get("retry-after") else None
    if fault is not None:
        yield from _in_body(fault.source, moment)
    exhausted = [bucket.reset for bucket in rate_limits(headers).values() if bucket.remaining == 0]
    yield max((reset for reset in exhausted if reset is not None), default=None)
    yield seconds_in(fault.message) if fault is not None else None
    yield seconds_in(text)


def _in_body(source: Mapping[str, Any], moment: datetime | None) -> Iterator[float | None]:
    details = source.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and isinstance(delay := detail.get("retryDelay"), str):
            yield duration(delay)
    metadata = source.get("metadata")
    places = [source, metadata] if isinstance(metadata, dict) else [source]
    for place in places:
        for name in ("retry_after", "retryAfter", "retry_after_seconds"):
            value = place.get(name)
            yield seconds_until(str(value), moment) if isinstance(value, str | int | float) else None
    inner = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(inner, dict):
        lowered = {str(name).lower(): str(value) for name, value in inner.items()}
        yield seconds_until(lowered.get("retry-after", ""), moment)
        yield seconds_until(lowered.get("x-ratelimit-reset", ""), moment)


def _unit(name: str) -> float:
    name = name.lower()
    if name.startswith(("ms", "milli")):
        return 0.001
    if name.startswith(("s", "秒")):
        return 1.0
    return 60.0 if name.startswith(("m", "分")) else 3600.0
