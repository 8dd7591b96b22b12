"""A process goes by the database's time, however its own clock is set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from models.clock import DatabaseClock, Measurement

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Machines:
    """The database's clock and this machine's, both on one timer, that the test moves."""

    timer: float = 1000.0
    skew: timedelta = timedelta()  #: of this machine's clock
    set_by: timedelta = timedelta()  #: how far the database's clock was set

    def database(self) -> datetime:
        return START + timedelta(seconds=self.timer - 1000) + self.set_by

    def wall(self) -> datetime:
        return self.database() + self.skew

    def clock(self) -> DatabaseClock:
        return DatabaseClock(wall=self.wall, timer=lambda: self.timer)

    def measure(self, clock: DatabaseClock, *, there: float = 0.01, back: float = 0.01) -> None:
        asked = self.timer
        self.timer += there
        told = self.database()
        self.timer += back
        clock.adjust(Measurement.of(asked, told, self.timer))


@pytest.mark.parametrize("skew", [-70, -0.4, 0, 30, 365 * 86_400])
def test_a_constant_distance_is_corrected(skew: float) -> None:
    machines = Machines(skew=timedelta(seconds=skew))
    clock = machines.clock()
    assert clock() == machines.wall()
    machines.measure(clock)
    assert clock() == machines.database()
    machines.timer += 50
    assert clock() == machines.database()


def test_setting_the_machines_own_clock_changes_nothing() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.measure(clock)
    machines.skew = timedelta(days=365)
    machines.timer += 1
    assert clock() == machines.database()
    machines.measure(clock)
    assert clock() == machines.database()


def test_the_error_of_a_measurement_is_half_its_round_trip() -> None:
    machines = Machines(skew=timedelta(seconds=9))
    clock = machines.clock()
    machines.measure(clock, there=0.3, back=0.1)
    assert abs(clock() - machines.database()) == timedelta(seconds=0.1)


def test_measurements_that_their_round_trips_explain_change_nothing() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.measure(clock)
    before = clock() - machines.database()
    machines.measure(clock, there=3, back=0)
    assert clock() - machines.database() == before


def test_a_slow_drift_is_followed() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.measure(clock)
    for _ in range(100):
        machines.timer += 1
        machines.set_by += timedelta(seconds=0.05)
        machines.measure(clock)
    assert abs(clock() - machines.database()) < timedelta(seconds=0.2)


def test_a_clock_of_the_database_that_is_wrong_for_one_measurement_is_not_followed() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.measure(clock)
    machines.set_by = timedelta(days=365)
    machines.measure(clock)
    machines.set_by = timedelta()
    assert clock() == machines.database()
    machines.measure(clock)
    assert clock() == machines.database()
    machines.set_by = timedelta(days=365)
    machines.measure(clock)
    assert clock() == machines.database() - machines.set_by


def test_a_clock_of_the_database_that_was_set_is_followed_once_it_is_confirmed() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.measure(clock)
    machines.set_by = timedelta(seconds=-40)
    machines.measure(clock)
    assert clock() == machines.database() + timedelta(seconds=40)
    machines.measure(clock)
    assert clock() == machines.database()
