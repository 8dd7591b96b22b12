"""The database's time is measured at a start; a distance that can't be relied on is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from models.clock import DatabaseClock, Measurement, now
from models.database import Database
from models.errors import ClockError
from models.queries.database_time import check, measure, set_clock

START = datetime(2026, 1, 1, tzinfo=UTC)


def measurement(at: float, *, moved: float = 0, trip: float = 0.01) -> Measurement:
    return Measurement.of(at - trip / 2, START + timedelta(seconds=at + moved), at + trip / 2)


async def test_a_clock_that_is_a_year_ahead_is_set_to_the_databases_time(database: Database) -> None:
    clock = DatabaseClock(wall=lambda: now() + timedelta(days=365))
    await set_clock(database, clock)
    assert abs(clock() - now()) < timedelta(seconds=5)
    async with database.reading() as connection:
        measured = await measure(connection, clock)
    assert abs(measured.time - clock()) < timedelta(seconds=5)


def test_a_distance_that_stays_is_accepted() -> None:
    check([measurement(0), measurement(1, moved=0.9), measurement(2, trip=8)])


@pytest.mark.parametrize("moved", [1.5, -1.5, 70])
def test_a_distance_that_changes_is_refused_with_what_to_do(moved: float) -> None:
    with pytest.raises(ClockError, match=r"moved apart .* NTP"):
        check([measurement(0), measurement(1), measurement(2, moved=moved)])


def test_a_distance_that_can_not_be_measured_is_refused() -> None:
    with pytest.raises(ClockError, match=r"takes 3\.0 s or more"):
        check([measurement(0), measurement(1, trip=3), measurement(2, trip=4)])
