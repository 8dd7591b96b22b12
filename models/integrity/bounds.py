"""Bounds of what people may set: every column holds such a number, and no date leaves the calendar."""

from datetime import UTC, datetime
from typing import TypeVar

LARGEST = 2**31 - 1  #: of a number: as many seconds are 68 years, as many bytes 2 GiB
FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(9000, 1, 1, tzinfo=UTC)  #: the next time zone or back-off must not leave the year 9999
T = TypeVar("T")


def check_number(value: T) -> T:
    """Return a value unchanged. Raises ``ValueError`` for a number that is too large, or NaN."""
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ValueError(f"write a number of at most {LARGEST:,}")
    return value


def check_time(value: datetime) -> datetime:
    """Return a time unchanged. Raises ``ValueError`` outside the years 1970 to 8999."""
    if not FIRST_TIME <= value < LAST_TIME:
        raise ValueError("write a time in the years 1970 to 8999; leave the field out for no limit")
    return value
