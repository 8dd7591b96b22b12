"""Rate limits that response headers tell about, in their many dialects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

_DELAY_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|h|m|s|d)", re.ASCII)
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_OPENAI = re.compile(r"(?:x-)?rate-?limit-(limit|remaining|reset)(?:-([a-z-]+))?")
_ANTHROPIC = re.compile(r"anthropic-ratelimit-([a-z-]+)-(limit|remaining|reset)")
_DRAFT = re.compile(r'\s*"?([^";]*)"?((?:\s*;\s*\w+\s*=\s*[^;,]+)*)')
_OLDER = re.compile(r"(?:^|,)\s*(limit|remaining|reset)\s*=\s*(\d+)")
_PARAMETER = re.compile(r";\s*(\w+)\s*=\s*\"?([\w.]+)\"?")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit: how much it allows, how much is left, and in how many seconds it is full again."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


def rate_limits(headers: Mapping[str, str]) -> dict[str, Bucket]:
    """Return the limits by name (``requests``, ``tokens``, …; ``default`` if unnamed).

    A limit may be per minute or per day; nothing here says which.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    moment = response_date(lowered)
    found: dict[str, dict[str, float | None]] = {}
    for name, value in lowered.items():
        if match := _OPENAI.fullmatch(name):
            found.setdefault(match[2] or "default", {})[match[1]] = _read(match[1], value, moment)
        elif match := _ANTHROPIC.fullmatch(name):
            found.setdefault(match[1], {})[match[2]] = _read(match[2], value, moment)
        elif name in ("ratelimit", "ratelimit-policy"):
            for bucket, parts in _draft(value):
                found.setdefault(bucket, {}).update(parts)
    return {
        name: Bucket(_whole(parts.get("limit")), _whole(parts.get("remaining")), parts.get("reset"))
        for name, parts in found.items()
        if any(part is not None for part in parts.values())
    }


def response_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the response's own ``Date``; header names are lower case."""
    return _http_date(headers.get("date", ""))


def http_retry_after(value: str | None, now: datetime | None) -> float | None:
    """Read ``Retry-After`` as RFC 9110 defines it, seconds or an HTTP date, as seconds from ``now``.

    Fractions of a second are accepted. A date in the past is 0; a value that is neither is ``None``, and so
    is a date without a ``now``. Not capped: each caller has its own longest wait.
    """
    text = (value or "").strip()
    if _DELAY_SECONDS.fullmatch(text):
        return float(text)
    moment = _http_date(text)
    return max((moment - now).total_seconds(), 0.0) if moment and now else None


def seconds_until(value: str, moment: datetime | None) -> float | None:
    """Read a reset: Go duration, plain seconds, epoch seconds or milliseconds, ISO time, or HTTP date.

    Absolute times are relative to ``moment``, the response's own time. Past is 0; unreadable is ``None``.
    """
    if (seconds := http_retry_after(value, moment)) is not None:
        return seconds
    value = value.strip()
    number = _number(value)
    if number is not None:
        if number <= 1e9:
            return max(number, 0.0)
        epoch = number / 1000 if number > 1e11 else number
        return max(epoch - moment.timestamp(), 0.0) if moment else None
    if (span := parse_duration(value)) is not None:
        return span
    instant = _iso_time(value)
    return max((instant - moment).total_seconds(), 0.0) if instant and moment else None


def parse_duration(value: str) -> float | None:
    """Read ``20ms``, ``1s``, ``12.5s``, ``6m0s``, ``1h23m31s`` as seconds."""
    pieces = list(_PIECE.finditer(value))
    if not pieces or "".join(piece.group() for piece in pieces) != value.strip():
        return None
    return sum(float(piece[1]) * _UNITS[piece[2]] for piece in pieces)


def _read(part: str, value: str, moment: datetime | None) -> float | None:
    return seconds_until(value, moment) if part == "reset" else _number(value.partition(",")[0])


def _draft(value: str) -> list[tuple[str, dict[str, float | None]]]:
    """Read ``"burst";r=0;t=10``, ``"burst";q=100;w=60``, and the older ``limit=10, remaining=0, reset=7``."""
    names = {"q": "limit", "r": "remaining", "t": "reset"}
    if older := dict(_OLDER.findall(value)):
        return [("default", {name: _number(text) for name, text in older.items()})]
    buckets = []
    for item in value.split(","):
        if match := _DRAFT.fullmatch(item.strip()):
            parts = {names[key]: _number(text) for key, text in _PARAMETER.findall(match[2]) if key in names}
            buckets.append((match[1].strip() or "default", parts))
    return buckets


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _iso_time(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# The id under which a provider's support finds a call.

REQUEST_IDS = ("x-oneapi-request-id", "x-request-id", "x-api-request-id", "x-generation-id", "cf-ray")


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the id that the response headers give, the most telling first; names are lower case."""
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)
