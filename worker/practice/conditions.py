"""The provider's mood, which can be changed while it runs: limits, storms, outages, slowness."""

from collections import Counter, defaultdict, deque
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from worker.practice.options import PracticeOptions
from worker.practice.request_options import Announcement, ParsedFailureKind, Seconds, parse_seconds_range


class Conditions(BaseModel):
    """What all calls meet from now on, whatever they ask for. ``{}`` is fair weather."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpm: int | None = Field(None, gt=0, description="calls per rolling minute and key that are let in")
    concurrency: int | None = Field(None, gt=0, description="calls in flight per key that are let in")
    announce: Announcement = Field("retry_after", description="what a 429 says about when to come again")
    fail: ParsedFailureKind | None = Field(None, description="the kind of failure that calls meet")
    share: float = Field(1, ge=0, le=1, description="the share of calls that meet it")
    delay: Annotated[tuple[Seconds, Seconds] | None, BeforeValidator(parse_seconds_range)] = Field(
        None, description="seconds until the picture is made, or a range of them"
    )
    refuse: bool = Field(False, description="take no connections at all; needs seconds")
    seconds: float | None = Field(None, gt=0, le=3600, description="how long it lasts; none: until changed")

    @model_validator(mode="after")
    def _comes_back(self) -> Self:
        if self.refuse and self.seconds is None:
            raise ValueError("refuse needs seconds: nobody could reach us to end it")
        return self


class ConditionControl:
    """Which weather it is. Moments are monotonic seconds."""

    def __init__(self, options: PracticeOptions) -> None:
        self._usual = {"rpm": options.rpm, "concurrency": options.concurrency}
        self._fair = self._weather = Conditions.model_validate(self._usual)
        self._ends: float | None = None

    def apply(self, members: Any, moment: float) -> Conditions:
        """Let another weather begin; limits that it does not name stay as usual. Raises ``ValueError``."""
        self._weather = Conditions.model_validate({**self._usual, **members})
        seconds = self._weather.seconds
        self._ends = None if seconds is None else moment + seconds
        return self._weather

    def current(self, moment: float) -> Conditions:
        """Return the weather; when its time is over, it is fair again."""
        if self._ends is not None and moment >= self._ends:
            self._weather, self._ends = self._fair, None
        return self._weather


# The hidden limits: what a relay enforces and does not announce.

_MINUTE = 60.0


class HiddenLimits:
    """Calls per minute, in a sliding window, and calls in flight; both per key."""

    def __init__(self) -> None:
        self._starts: defaultdict[str | None, deque[float]] = defaultdict(deque)
        self._running: Counter[str | None] = Counter()

    def acquire(self, key: str | None, moment: float, weather: Conditions) -> float | None:
        """Let a call in (``None``), or return the seconds after which trying again makes sense.

        ``moment`` is monotonic. Whoever was let in must ``leave``.
        """
        if weather.concurrency is not None and self._running[key] >= weather.concurrency:
            return 1.0
        if weather.rpm is not None:
            starts = self._starts[key]
            while starts and starts[0] <= moment - _MINUTE:
                starts.popleft()
            if len(starts) >= weather.rpm:
                return starts[-weather.rpm] + _MINUTE - moment
            starts.append(moment)
        self._running[key] += 1
        return None

    def release(self, key: str | None) -> None:
        """Give back the place of a call that was let in."""
        self._running[key] -= 1
