"""Response headers: rate limits in their many dialects, reset times, and request ids.

A provider may send anything: only values as long as real ones are converted, for patterns and numbers of many
digits may take a time that grows with the square of their length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

#: headers with a request id, the most specific first
REQUEST_IDS = ("x-oneapi-request-id", "x-request-id", "x-api-request-id", "x-generation-id", "cf-ray")

_LONGEST = 64  #: characters of a number, duration or date that is read; RFC 9110's longest date has 33
_MOST_LIMITS = 32  #: rate limits of one header that are read
_LONGEST_ITEM = 256  #: characters of one rate limit in a header

_DELAY_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|h|m|s|d)", re.ASCII)
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_OPENAI = re.compile(r"(?:x-)?rate-?limit-(limit|remaining|reset)(?:-([a-z-]+))?")
_ANTHROPIC = re.compile(r"anthropic-ratelimit-([a-z-]+)-(limit|remaining|reset)")
_IETF_OLDER = re.compile(r"(limit|remaining|reset)\s*=\s*([0-9]+)\b.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One rate limit: its quota, what remains of it, and the seconds until it resets."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


def rate_limits(headers: Mapping[str, str]) -> dict[str, Bucket]:
    """Return the rate limits by name (``requests``, ``tokens``, …; ``default`` if unnamed).

    The headers do not say whether a limit is per minute or per day.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    found: dict[str, dict[str, float | None]] = {}
    for name, value in lowered.items():
        if match := _OPENAI.fullmatch(name):
            found.setdefault(match[2] or "default", {})[match[1]] = _read_member(match[1], value, lowered)
        elif match := _ANTHROPIC.fullmatch(name):
            found.setdefault(match[1], {})[match[2]] = _read_member(match[2], value, lowered)
        elif name in ("ratelimit", "ratelimit-policy"):
            for bucket, parts in _read_ietf(value):
                found.setdefault(bucket, {}).update(parts)
    return {
        name: Bucket(_to_int(parts.get("limit")), _to_int(parts.get("remaining")), parts.get("reset"))
        for name, parts in found.items()
        if any(part is not None for part in parts.values())
    }


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the request id for the provider's support; header names are lower case."""
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)


def response_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the ``Date`` of a response; header names are lower case."""
    return _http_date(headers.get("date", ""))


def http_retry_after(value: str | None, now: datetime | None) -> float | None:
    """Read ``Retry-After`` as RFC 9110 defines it, seconds or an HTTP date, as seconds from ``now``.

    Fractions of a second are accepted. A date in the past is 0; a value that is neither is ``None``, and so
    is a date without a ``now``. Not capped: each caller has its own longest wait.
    """
    text = (value or "").strip()
    if _DELAY_SECONDS.fullmatch(text):
        return float(text)
    date = _http_date(text)
    return max((date - now).total_seconds(), 0.0) if date and now else None


def seconds_until(value: str, now: datetime | None) -> float | None:
    """Parse a reset: Go duration, plain seconds, epoch seconds or milliseconds, ISO time, or HTTP date.

    Absolute times are relative to ``now``, the date of the response. The past is 0; malformed is ``None``.
    """
    if (seconds := http_retry_after(value, now)) is not None:
        return seconds
    value = value.strip()
    number = _number(value)
    if number is not None:
        if number <= 1e9:
            return max(number, 0.0)
        epoch = number / 1000 if number > 1e11 else number
        return max(epoch - now.timestamp(), 0.0) if now else None
    if (span := parse_duration(value)) is not None:
        return span
    instant = _iso_time(value)
    return max((instant - now).total_seconds(), 0.0) if instant and now else None


def parse_duration(value: str) -> float | None:
    """Parse a Go duration (``20ms``, ``12.5s``, ``6m0s``, ``1h23m31s``) as seconds."""
    if len(value) > _LONGEST:
        return None
    parts = list(_DURATION_PART.finditer(value))
    if not parts or "".join(part.group() for part in parts) != value.strip():
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)


def _read_member(part: str, value: str, headers: Mapping[str, str]) -> float | None:
    if part == "reset":
        return seconds_until(value, response_date(headers))
    return _number(value.partition(",")[0])


def _read_ietf(value: str) -> list[tuple[str, dict[str, float | None]]]:
    """Parse the IETF draft: ``"burst";r=0;t=10``, or the older ``limit=10, remaining=0, reset=7``."""
    items = [item.strip()[:_LONGEST_ITEM] for item in value.split(",", _MOST_LIMITS)[:_MOST_LIMITS]]
    if older := [match for item in items if (match := _IETF_OLDER.fullmatch(item))]:
        return [("default", {match[1]: _number(match[2]) for match in older})]
    return [bucket for item in items if (bucket := _read_ietf_item(item)) is not None]


def _read_ietf_item(item: str) -> tuple[str, dict[str, float | None]] | None:
    """Parse one rate limit, a name with parameters; ``None`` if a parameter is no ``key=value``."""
    names = {"q": "limit", "r": "remaining", "t": "reset"}
    name, *parameters = item.split(";")
    parts = {}
    for parameter in parameters:
        key, equals, text = parameter.partition("=")
        if not equals or not text.strip():
            return None
        if key.strip() in names:
            parts[names[key.strip()]] = _number(text.strip().strip('"'))
    return name.strip().strip('"').strip() or "default", parts


def _number(value: str) -> float | None:
    if len(value) > _LONGEST:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _to_int(value: float | None) -> int | None:
    return None if value is None else int(value)


def _iso_time(value: str) -> datetime | None:
    if len(value) > _LONGEST:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _http_date(value: str) -> datetime | None:
    if len(value) > _LONGEST:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
