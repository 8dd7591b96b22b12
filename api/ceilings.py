"""Ceilings of what one caller may have open, or do per minute, in one API process; requests they refused."""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Literal
from uuid import UUID

from prometheus_client import Gauge

from api.web.problems import Problem
from models.settings import Settings

_streams = Gauge("darkroom_sse_connections", "Open event streams", ["surface"])
_MINUTE = timedelta(minutes=1)
_MEMORY = 30.0  # seconds after the last refusal of a request; longer than the Retry-After of any limit
_MOST_REFUSED = 10_000
_REPLAYS = 10  # replays of deliveries for each test: after an outage of a receiver there are many


def limit_reached(what: str, limit: int, setting: str, *, retry_after: int | None = None) -> Problem:
    """Return the 429 problem of a caller that has as many of ``what`` as ``setting`` allows."""
    name = f"DARKROOM_{setting.upper()}"
    detail = f"You have {limit:,} {what}, the most that {name} allows."
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Problem(429, "limit_reached", detail, headers=headers, more={"limit": limit, "setting": name})


@contextmanager
def open_stream(surface: Literal["api", "ui"]) -> Iterator[None]:
    """Count an event stream as open, over all callers."""
    with _streams.labels(surface).track_inprogress():
        yield


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


class RefusedRequests:
    """Requests that a limit refused a moment ago (429): what their clients send again is not a repetition.

    Nothing was made for them, so they must not be joined to an equal request that was accepted. One process
    remembers its own: a client sends the request again on the connection on which it was refused.
    """

    def __init__(self) -> None:
        self._refused: dict[Hashable, tuple[int, float]] = {}  # how many, and until when

    def note(self, key: Hashable) -> None:
        """Note that a request was refused, and nothing made."""
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.clear()  # what is sent again is joined, if there is an equal request: the safe side
        self._refused[key] = (self._count(key) + 1, monotonic() + _MEMORY)

    def take(self, key: Hashable) -> bool:
        """Return whether such a request was refused a moment ago; that refusal is not found again."""
        count = self._count(key)
        if count > 1:
            self._refused[key] = (count - 1, self._refused[key][1])
        else:
            self._refused.pop(key, None)
        return count > 0

    def _count(self, key: Hashable) -> int:
        count, until = self._refused.get(key, (0, 0.0))
        return count if until > monotonic() else 0


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The ceilings of one API process."""

    event_streams: OpenLimit
    long_polls: OpenLimit
    webhook_tests: MinuteLimit
    webhook_replays: MinuteLimit
    refused: RefusedRequests

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
            refused=RefusedRequests(),
        )
