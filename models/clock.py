"""Clock: the only source of the current time, and its correction to the database's clock.

All processes of an installation use the database's time for what they share (leases, limits, heartbeats): the
clock of a machine may be wrong, or be set while it runs. Each process measures the distance between the
database's clock and its own steady timer, which can't be set, and goes on by that timer in between.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]  #: waits so many seconds
Steady = Callable[[], float]  #: seconds of a timer that is never set

TOLERANCE = timedelta(seconds=1)  #: how far two measurements may differ beyond their round trips
_log = structlog.get_logger()


def now() -> datetime:
    """Return the current time of this machine, aware, in UTC."""
    return datetime.now(UTC)


def steady() -> float:
    """Return the seconds of this machine's steady timer; on Linux it goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Measurement(NamedTuple):
    """The database's time at a moment of the steady timer, give or take ``error``."""

    at: float
    time: datetime
    error: timedelta

    @classmethod
    def of(cls, sent: float, time: datetime, received: float) -> "Measurement":
        """Return it from the moments of the question and its answer: half the round trip is each way."""
        return cls((sent + received) / 2, time, timedelta(seconds=(received - sent) / 2))

    def at_moment(self, moment: float) -> datetime:
        """Return the database's time at another moment of the timer."""
        return self.time + timedelta(seconds=moment - self.at)

    def distance(self, other: "Measurement") -> timedelta:
        """Return how much the other one's clock has moved against this one's, beyond the errors of both."""
        moved = other.time - self.at_moment(other.at)
        return max(abs(moved) - self.error - other.error, timedelta())


class DatabaseClock:
    """The database's time, by this machine's steady timer since the last measurement.

    It is this machine's own time until the first measurement. A measurement that agrees with it changes
    nothing. One that differs by more than ``TOLERANCE`` comes of a clock that was set: it is used once the
    next measurement confirms it.
    """

    def __init__(self, *, wall: Clock | None = None, timer: Steady = steady) -> None:
        self._timer = timer
        self._measured = Measurement(timer(), (wall or now)(), timedelta())
        self._first = True
        self._doubted: Measurement | None = None

    def __call__(self) -> datetime:
        """Return the current time."""
        return self._measured.at_moment(self._timer())

    def timer(self) -> float:
        """Return the steady timer, for a measurement."""
        return self._timer()

    def adjust(self, measured: Measurement) -> None:
        """Correct the time by a measurement."""
        if self._first or self._measured.distance(measured) <= TOLERANCE:
            if self._first or self._measured.distance(measured):
                self._measured = measured
            self._first, self._doubted = False, None
        elif self._doubted is not None and self._doubted.distance(measured) <= TOLERANCE:
            seconds = (measured.time - self._measured.at_moment(measured.at)).total_seconds()
            _log.warning("the database's clock was set; its time is used", seconds=round(seconds, 3))
            self._measured, self._doubted = measured, None
        else:
            _log.warning("the database's clock jumped; its time is used if the next measurement confirms it")
            self._doubted = measured


def rfc3339(moment: datetime) -> str:
    """Write an aware time as the API shows it: UTC, milliseconds, ``Z`` (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
