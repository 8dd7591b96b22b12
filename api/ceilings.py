"""Ceilings of what one caller may have open, or do per minute, in one API process."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from api.web.problems import Problem
from models.settings import Settings

_MINUTE = timedelta(minutes=1)
_REPLAYS = 10  # replays of deliveries for each test: after an outage of a receiver there are many


def limit_reached(what: str, limit: int, setting: str, *, retry_after: int | None = None) -> Problem:
    """Return the 429 problem of a caller that has as many of ``what`` as ``setting`` allows."""
    name = f"DARKROOM_{setting.upper()}"
    detail = f"You have {limit:,} {what}, the most that {name} allows."
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Problem(429, "limit_reached", detail, headers=headers, more={"limit": limit, "setting": name})


class OpenLimit:
    """Limit of what each caller has open at once."""

    def __init__(self, limit: int, what: str, setting: str) -> None:
        self._limit, self._what, self._setting = limit, what, setting
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def hold(self, caller_id: UUID) -> Iterator[None]:
        """Count one more while the context is open. Raises the 429 problem."""
        self.take(caller_id)
        try:
            yield
        finally:
            self.give_back(caller_id)

    def has_room(self, caller_id: UUID) -> bool:
        """Return whether a caller may open one more."""
        return self._open[caller_id] < self._limit

    def require_room(self, caller_id: UUID) -> None:
        """Raise the 429 problem if a caller may open no more."""
        if not self.has_room(caller_id):
            raise limit_reached(self._what, self._limit, self._setting, retry_after=5)

    def take(self, caller_id: UUID) -> None:
        """Count one more until ``give_back``. Raises the 429 problem."""
        self.require_room(caller_id)
        self._open[caller_id] += 1

    def give_back(self, caller_id: UUID) -> None:
        """Count one less."""
        self._open[caller_id] -= 1
        if not self._open[caller_id]:
            del self._open[caller_id]


class MinuteLimit:
    """Limit of what each caller does within any minute."""

    def __init__(self, limit: int, what: str, setting: str) -> None:
        self._limit, self._what, self._setting = limit, what, setting
        self._times: defaultdict[UUID, deque[datetime]] = defaultdict(deque)

    def count(self, caller_id: UUID, at: datetime) -> None:
        """Count one. Raises the 429 problem."""
        times = self._times[caller_id]
        while times and times[0] <= at - _MINUTE:
            times.popleft()
        if len(times) >= self._limit:
            wait = int((times[0] + _MINUTE - at).total_seconds()) + 1 if times else 60
            raise limit_reached(self._what, self._limit, self._setting, retry_after=wait)
        times.append(at)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The ceilings of one API process."""

    event_streams: OpenLimit
    long_polls: OpenLimit
    webhook_tests: MinuteLimit
    webhook_replays: MinuteLimit

    @classmethod
    def of(cls, settings: Settings) -> "Ceilings":
        """Return the ceilings that the settings want."""
        tests = settings.webhook_tests
        return cls(
            event_streams=OpenLimit(settings.event_streams, "event streams open", "event_streams"),
            long_polls=OpenLimit(settings.long_polls, "requests waiting", "long_polls"),
            webhook_tests=MinuteLimit(tests, "webhook tests in a minute", "webhook_tests"),
            webhook_replays=MinuteLimit(
                tests * _REPLAYS, f"replays in a minute ({_REPLAYS} for each test)", "webhook_tests"
            ),
        )
