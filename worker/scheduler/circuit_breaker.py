"""Circuit breaker: opens when different jobs fail and none succeeds, then probes one by one (half-open).

A job that fails while others succeed is at fault itself, and counts for nothing. So the breaker counts jobs
since the last call that worked, not calls, and they have to be a share of all calls: a few such jobs in a row
do not open it. A probe whose job had failed before does not lengthen the pause when it fails.

Source of the pattern: M. Nygard, "Release It!", 2nd edition, chapter 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from models.queries.attempts import EndedCall
from worker.scheduler.rate_limiter import CLOCK_SKEW

_JOBS = 5  # that fail one after the other, and open it
_SHARE = 0.1  # of the calls that worked in the last minute, that so many jobs have to be at least
_MINUTE = timedelta(minutes=1)
_FIRST, _LONGEST = timedelta(seconds=15), timedelta(minutes=10)
_FIRST_SHUT = timedelta(minutes=1)
_PROBE_TIMEOUT = timedelta(minutes=10)  # after which a probe without a result is over
_RESULT_DELAY = timedelta(seconds=5)  # until a probe's result is in its channel's row


@dataclass(frozen=True, slots=True)
class FailingJobs:
    """The jobs that failed since the last call that worked; enough of them open a breaker."""

    count: int
    enough: bool
    models: int = 1  #: to which they belong

    @classmethod
    def among(cls, calls: Sequence[EndedCall], now: datetime) -> "FailingJobs":
        """Count them among recent calls. A job that had failed before that call is not counted again."""
        worked = [call.finished_at for call in calls if not call.failed]
        last = max(worked, default=None)
        if last is None:
            failing = {call.job_id: call.model for call in calls}
        else:
            later = (call for call in calls if call.finished_at > last and not call.failed_before)
            failing = {call.job_id: call.model for call in later}
        in_minute = sum(at > now - _MINUTE for at in worked)
        needed = max(_JOBS, _SHARE * in_minute)
        return cls(len(failing), len(failing) >= needed, len(set(failing.values())))


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """State of a breaker: failing jobs in a row, since and until when it is open, the probe in flight.

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

    def with_failure(
        self, now: datetime, reason: str, failing: FailingJobs, *, again: bool = False
    ) -> "CircuitBreaker":
        """Count a failure; enough jobs open the breaker, a failed probe opens it for twice as long.

        ``again``: the job had failed before, and proves little: the pause after its probe stays the same.
        """
        counted = replace(self, failures=failing.count, reason=reason)
        if self.until is None and not failing.enough:
            return counted
        if self.until is not None and self.until > now:
            return counted  # a call that was in flight before
        pause = _FIRST
        if self.opened is not None and self.until is not None:
            pause = (self.until - self.opened) * (1 if again else 2)
        return CircuitBreaker(failing.count, now, now + min(max(pause, _FIRST), _LONGEST), None, reason)

    def shut(self, now: datetime, reason: str) -> "CircuitBreaker":
        """Open it at once, for what a person may have to repair; each failed probe doubles the pause."""
        failures = self.failures + 1
        if self.until is not None and self.until > now:
            return replace(self, failures=failures, reason=reason)
        pause = _FIRST_SHUT if self.opened is None or self.until is None else (self.until - self.opened) * 2
        until = now + min(max(pause, _FIRST_SHUT), _LONGEST)
        return CircuitBreaker(failures, now, until, None, reason)

    def without_lost_probe(self, now: datetime, in_flight: int) -> "CircuitBreaker":
        """Forget a probe without a call: its lease was released or reclaimed."""
        gone = self.probed is not None and not in_flight and now - self.probed > _RESULT_DELAY
        return replace(self, probed=None) if gone else self

    def with_probe(self, now: datetime) -> "CircuitBreaker":
        """Record that a probe starts."""
        return replace(self, probed=now)

    def possible(self, now: datetime) -> "CircuitBreaker":
        """Return it without times that are not possible now: a clock that was ahead has set them."""
        times = (self.opened or now, self.probed or now, (self.until or now) - _LONGEST)
        return CircuitBreaker() if max(times) > now + CLOCK_SKEW else self

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
