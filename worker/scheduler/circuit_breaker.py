"""The circuit breaker: a channel that only fails is left alone, and asked again with one call at a time.

Source of the pattern: M. Nygard, "Release It!", 2nd edition, chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

_FAILURES = 5  # in a row, until it opens
_FIRST, _LONGEST = timedelta(seconds=15), timedelta(minutes=10)
_PROBE = timedelta(minutes=10)  # a probe of which nothing is heard for so long is over
_HEARING = timedelta(seconds=5)  # until what became of a probe is written down for its channel


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Failures in a row, since when it is open, and the probe under way. All empty: closed and healthy."""

    failures: int = 0
    opened: datetime | None = None
    until: datetime | None = None
    probed: datetime | None = None
    reason: str | None = None

    def allowed_calls(self, now: datetime) -> int | None:
        """Return how many calls may start now: none, one probe, or (``None``) as many as there are."""
        if self.until is None:
            return None
        if self.until > now or (self.probed is not None and now - self.probed < _PROBE):
            return 0
        return 1

    def state(self, now: datetime) -> str:
        """Name the state: closed, open or half_open."""
        if self.until is None:
            return "closed"
        return "open" if self.until > now else "half_open"

    def with_failure(self, now: datetime, reason: str) -> "CircuitBreaker":
        """Count a failure; after enough of them, or after a probe's, keep the channel shut for longer."""
        failures = self.failures + 1
        if self.until is None and failures < _FAILURES:
            return replace(self, failures=failures, reason=reason)
        if self.until is not None and self.until > now:
            return replace(self, failures=failures, reason=reason)  # a call that was under way before
        pause = _FIRST if self.opened is None or self.until is None else (self.until - self.opened) * 2
        return CircuitBreaker(failures, now, now + min(max(pause, _FIRST), _LONGEST), None, reason)

    def without_lost_probe(self, now: datetime, in_flight: int) -> "CircuitBreaker":
        """Forget a probe that nobody makes any more: its worker was lost, or gave it back unsent."""
        gone = self.probed is not None and not in_flight and now - self.probed > _HEARING
        return replace(self, probed=None) if gone else self

    def with_probe(self, now: datetime) -> "CircuitBreaker":
        """Note that the probe has been given away."""
        return replace(self, probed=now)

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to forget."""
        return self == CircuitBreaker()

    def to_json(self) -> dict[str, Any] | None:
        """Return what is kept in the channel's row."""
        if self.healthy:
            return None
        kept: dict[str, Any] = _BREAKER.dump_python(self, mode="json")
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> "CircuitBreaker":
        """Read what a channel's row keeps."""
        return _BREAKER.validate_python(kept or {})


_BREAKER = TypeAdapter(CircuitBreaker)
