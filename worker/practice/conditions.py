"""Conditions that can be switched at run time (limits, outages, slowness), and the hidden limits."""

from collections import Counter, defaultdict, deque
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from worker.practice.options import PracticeOptions
from worker.practice.request_options import Announcement, ParsedFailureKind, Seconds, parse_seconds_range

_MINUTE = 60.0


class Conditions(BaseModel):
    """Conditions of all calls, regardless of their options. ``{}`` restores the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpm: int | None = Field(None, gt=0, description="calls per rolling minute and key that are accepted")
    concurrency: int | None = Field(None, gt=0, description="calls in flight per key that are accepted")
    announce: Announcement = Field("retry_after", description="how a 429 announces when to retry")
    fail: ParsedFailureKind | None = Field(None, description="kind of failure of the calls")
    share: float = Field(1, ge=0, le=1, description="share of the calls that fail so")
    delay: Annotated[tuple[Seconds, Seconds] | None, BeforeValidator(parse_seconds_range)] = Field(
        None, description="seconds until the picture is made, or a range of them"
    )
    refuse: bool = Field(False, description="refuse connections; needs seconds")
    seconds: float | None = Field(None, gt=0, le=3600, description="duration; none: until changed")

    @model_validator(mode="after")
    def _refuse_is_limited(self) -> Self:
        if self.refuse and self.seconds is None:
            raise ValueError("refuse needs seconds: no request could end it")
        return self


class ConditionControl:
    """Current conditions. Moments are monotonic seconds."""

    def __init__(self, options: PracticeOptions) -> None:
        self._limits = {"rpm": options.rpm, "concurrency": options.concurrency}
        self._defaults = self._conditions = Conditions.model_validate(self._limits)
        self._ends: float | None = None

    def apply(self, members: Any, moment: float) -> Conditions:
        """Apply new conditions; limits that they do not name keep their defaults. Raises ``ValueError``."""
        self._conditions = Conditions.model_validate({**self._limits, **members})
        seconds = self._conditions.seconds
        self._ends = None if seconds is None else moment + seconds
        return self._conditions

    def current(self, moment: float) -> Conditions:
        """Return the conditions; the defaults once their duration is over."""
        if self._ends is not None and moment >= self._ends:
            self._conditions, self._ends = self._defaults, None
        return self._conditions


class HiddenLimits:
    """Limits that are enforced but not announced: calls per sliding minute and in flight, per key."""

    def __init__(self) -> None:
        self._starts: defaultdict[str | None, deque[float]] = defaultdict(deque)
        self._running: Counter[str | None] = Counter()

    def acquire(self, key: str | None, moment: float, conditions: Conditions) -> float | None:
        """Accept a call (``None``; it must ``release``), or return the seconds until a retry makes sense.

        ``moment`` is in monotonic seconds.
        """
        if conditions.concurrency is not None and self._running[key] >= conditions.concurrency:
            return 1.0
        if conditions.rpm is not None:
            starts = self._starts[key]
            while starts and starts[0] <= moment - _MINUTE:
                starts.popleft()
            if len(starts) >= conditions.rpm:
                return starts[-conditions.rpm] + _MINUTE - moment
            starts.append(moment)
        self._running[key] += 1
        return None

    def release(self, key: str | None) -> None:
        """Release the slot of an accepted call."""
        self._running[key] -= 1
