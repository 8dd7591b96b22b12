"""Circuit breaker: opens after failures in a row, then probes with one call at a time (half-open).

Source of the pattern: M. Nygard, "Release It!", 2nd edition, chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

_FAILURES = 5  # in a row, that open it
_FIRST, _LONGEST = timedelta(seconds=15), timedelta(minutes=10)
_PROBE_TIMEOUT = timedelta(minutes=10)  # after which a probe without a result is over
_RESULT_DELAY = timedelta(seconds=5)  # until a probe's result is in its channel's row


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """State of a breaker: failures in a row, since and until when it is open, the probe in flight.

    All empty: closed and healthy.
    """

    failures: int = 0
    opened: datetime | None = None
    until: datetime | None = None
    probed: datetime | None = None
    reason: str | None = None

    def allowed_calls(self, now: datetime) -> int | None:
        """Return how many calls may start now: 0, 1 (a probe), or ``None`` (no limit)."""
        if self.until is None:
            return None
        if self.until > now or (self.probed is not None and now - self.probed < _PROBE_TIMEOUT):
            return 0
        return 1

    def state(self, now: datetime) -> str:
        """Return the state: ``closed``, ``open`` or ``half_open``."""
        if self.until is None:
            return "closed"
        return "open" if self.until > now else "half_open"

    def with_failure(self, now: datetime, reason: str) -> "CircuitBreaker":
        """Count a failure; enough of them open the breaker, a failed probe opens it for twice as long."""
        failures = self.failures + 1
        if self.until is None and failures < _FAILURES:
            return replace(self, failures=failures, reason=reason)
        if self.until is not None and self.until > now:
            return replace(self, failures=failures, reason=reason)  # a call that was in flight before
        pause = _FIRST if self.opened is None or self.until is None else (self.until - self.opened) * 2
        return CircuitBreaker(failures, now, now + min(max(pause, _FIRST), _LONGEST), None, reason)

    def without_lost_probe(self, now: datetime, in_flight: int) -> "CircuitBreaker":
        """Forget a probe without a call: its lease was released or reclaimed."""
        gone = self.probed is not None and not in_flight and now - self.probed > _RESULT_DELAY
        return replace(self, probed=None) if gone else self

    def with_probe(self, now: datetime) -> "CircuitBreaker":
        """Record that a probe starts."""
        return replace(self, probed=now)

    @property
    def healthy(self) -> bool:
        """Whether it is closed and has counted no failure."""
        return self == CircuitBreaker()

    def to_json(self) -> dict[str, Any] | None:
        """Return the state as the channel's row stores it; ``None``: healthy."""
        if self.healthy:
            return None
        state: dict[str, Any] = _BREAKER.dump_python(self, mode="json")
        return state

    @classmethod
    def from_json(cls, state: Mapping[str, Any] | None) -> "CircuitBreaker":
        """Read the state from a channel's row."""
        return _BREAKER.validate_python(state or {})


_BREAKER = TypeAdapter(CircuitBreaker)
