"""The database's time: measured against this process's steady timer, at its start and with each heartbeat."""

import asyncio
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import TOLERANCE, DatabaseClock, Measurement, now
from models.database import Database
from models.errors import ClockError
from models.tables import Utc

_TRIES = 5  # measurements at a start; the best two count
_PAUSE = 0.02  # seconds between them
_log = structlog.get_logger()


async def database_time(connection: AsyncConnection) -> datetime:
    """Return PostgreSQL's clock; on SQLite this machine's own."""
    if connection.dialect.name == "sqlite":
        return now()
    return (await connection.execute(select(func.clock_timestamp(type_=Utc())))).scalar_one()


async def measure(connection: AsyncConnection, clock: DatabaseClock) -> Measurement:
    """Measure the database's time once."""
    sent = clock.timer()
    return Measurement.of(sent, await database_time(connection), clock.timer())


async def set_clock(database: Database, clock: DatabaseClock) -> None:
    """Set a process's clock to the database's time at its start.

    A constant distance is corrected, however large. Raises ``ClockError`` if it can't be relied on: it
    changes from one measurement to the next, or the database answers too slowly to measure it.
    """
    measurements = []
    async with database.reading() as connection:
        for number in range(1 if database.is_sqlite else _TRIES):
            await asyncio.sleep(_PAUSE if number else 0)
            measurements.append(await measure(connection, clock))
    if not database.is_sqlite:  # which has the clock of this machine
        check(measurements)
    clock.adjust(min(measurements, key=lambda each: each.error))
    if abs(skew := now() - clock()) > TOLERANCE:
        seconds = round(skew.total_seconds(), 1)
        _log.warning("this machine's clock differs from the database's, whose time is used", seconds=seconds)


def check(measurements: list[Measurement]) -> None:
    """Raise ``ClockError`` unless at least two measurements are precise, and all of these agree."""
    precise = [each for each in measurements if each.error <= TOLERANCE]
    if len(precise) < 2:
        fastest = sorted(each.error for each in measurements)[1] * 2
        raise ClockError(
            f"The database takes {fastest.total_seconds():.1f} s or more to answer, so the distance to its "
            "clock can't be measured. Look at the network and at the database's load, then start again."
        )
    moved = max(one.distance(other) for one in precise for other in precise)
    if moved > TOLERANCE:
        seconds = f"{moved.total_seconds():.1f} s"
        raise ClockError(
            f"This machine's clock and the database's moved apart by {seconds} between two "
            "measurements. Synchronize both by NTP (chrony or systemd-timesyncd), then start again."
        )
