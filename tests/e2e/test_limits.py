"""Rate limits over the whole fleet: no window holds more than the limit, and nearly all of it is used.

The real dispatcher runs on a simulated clock, and calls start as late as their slack allows.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update

from models.database import Database
from models.ids import new_id
from models.queries.jobs import NewJob, insert_jobs
from models.tables import callers, jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.sliding_windows import max_in_window
from worker.scheduler.rate_limiter import slack_of

SECONDS, SETTLING = 185.0, 5.0
PER_MINUTE, PER_SECOND, PICTURES, ONE_MODEL, OTHER_MODEL, CALLER = 120, 2, 60, 30, 90, 40
LIMITS: dict[str, dict[str, float]] = {
    "minute": {"rpm": PER_MINUTE},
    "second": {"rps": PER_SECOND},
    "pictures": {"ipm": PICTURES},
    "one": {"rpm": ONE_MODEL},
    "other": {"rpm": OTHER_MODEL},
    "caller": {"rpm": CALLER},
}


def channel(name: str, **members: Any) -> dict[str, Any]:
    base = {"name": name, "base_url": "http://127.0.0.1:9", "api_key": "practice", "concurrency": 100_000}
    return {**base, "models": [name], **members}


CHANNELS = (
    channel("minute", rpm=PER_MINUTE),
    channel("second", rps=PER_SECOND),
    channel("pictures", ipm=PICTURES),
    channel(
        "both", models=["one", "other"], limits={"one": {"rpm": ONE_MODEL}, "other": {"rpm": OTHER_MODEL}}
    ),
    channel("caller"),
)


@dataclass
class Calls:
    """Calls of one model: their starts, in seconds of the simulation, and the images each requests."""

    at: list[float]
    pictures: list[int]

    @property
    def each_picture_at(self) -> list[float]:
        return [at for at, count in zip(self.at, self.pictures, strict=True) for _ in range(count)]


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    settings = {"upstream_base_url": None, "channels": CHANNELS}
    async with open_darkroom(plain_database_url, tmp_path, practice={}, **settings) as opened:
        await _commit_without_waiting_for_the_disk(opened.services.database)
        yield opened


async def _commit_without_waiting_for_the_disk(database: Database) -> None:
    """Speed up a thousand commits: nothing crashes in this test."""
    statement = "PRAGMA synchronous=OFF" if database.is_sqlite else "SET synchronous_commit=off"

    def connected(connection: Any, _record: Any) -> None:
        connection.cursor().execute(statement)
        connection.commit()

    await database.engine.dispose()
    event.listen(database.engine.sync_engine, "connect", connected)


@pytest.mark.slow(reason="three minutes are simulated, in hundreds of transactions")
@pytest.mark.parametrize("workers", [1, 4])
async def test_no_window_exceeds_the_limit_and_nearly_all_of_it_is_used(
    darkroom: Darkroom, workers: int
) -> None:
    calls = await simulate(darkroom, workers, random.Random(workers))

    for model, limit in (
        ("minute", PER_MINUTE),
        ("one", ONE_MODEL),
        ("other", OTHER_MODEL),
        ("caller", CALLER),
    ):
        assert max_in_window(calls[model].at, 60) <= limit, model
        assert used(calls[model].at, limit) >= 0.97, model
    assert max_in_window(calls["second"].at, 1) <= PER_SECOND
    assert used(calls["second"].at, 60 * PER_SECOND) >= 0.95  # starts are late by up to the whole slack
    assert max_in_window(calls["pictures"].each_picture_at, 60) <= PICTURES
    assert used(calls["pictures"].each_picture_at, PICTURES) >= 0.95  # a call for four weighs much here


async def simulate(darkroom: Darkroom, workers: int, chance: random.Random) -> dict[str, Calls]:
    """Run dispatch rounds of random workers for minutes while jobs wait; return the calls by model."""
    await submit_all(darkroom)
    fleet, begun = [await darkroom.worker(slots=100_000) for _ in range(workers)], darkroom.clock()
    while (darkroom.clock() - begun).total_seconds() < SECONDS:
        concurrent = (
            1 if darkroom.services.database.is_sqlite else chance.randint(1, 2)
        )  # rounds on SQLite only wait for each other
        chosen = chance.sample(fleet, min(concurrent, workers))
        await asyncio.gather(*(worker.dispatcher.run_round() for worker in chosen))
        for worker in chosen:
            if worker.dispatcher.poll_interval.misses:  # it runs its next round after some milliseconds
                await worker.dispatcher.run_round()
        darkroom.clock.forward(seconds=chance.uniform(0.7, 0.95))
    calls = {model: Calls([], []) for model in LIMITS}
    lateness = {model: random.Random(chance.random()) for model in LIMITS}
    async with darkroom.services.database.reading() as connection:
        columns = (jobs.c.model, jobs.c.start_at, jobs.c.request)
        rows = (await connection.execute(select(*columns).where(jobs.c.status == "leased"))).all()
    for row in sorted(rows, key=lambda row: row.start_at):
        slack = slack_of(LIMITS[row.model])
        assert slack is not None
        luck = lateness[row.model]  # one generator per model, so that models stay independent
        late = luck.choice((0, 0, luck.random(), 1)) * slack.total_seconds()
        calls[row.model].at.append((row.start_at - begun).total_seconds() + late)
        calls[row.model].pictures.append(row.request["n"])
    return calls


async def submit_all(darkroom: Darkroom) -> None:
    """Queue more jobs of each model than its limit allows; one caller has its own limit."""
    unlimited, limited, at = await darkroom.caller(), await darkroom.caller(), darkroom.clock()
    enough = {"second": 8 * PER_MINUTE, "caller": 4 * CALLER}
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(callers).where(callers.c.id == limited).values(rpm=CALLER))
        for model in LIMITS:
            new_jobs = [
                job(model, 1 + number % 4 if model == "pictures" else 1, at)
                for number in range(enough.get(model, 450))
            ]
            owner: UUID = limited if model == "caller" else unlimited
            await insert_jobs(connection, new_jobs, caller_id=owner, surface="rest", at=at)


def job(model: str, pictures: int, at: datetime) -> NewJob:
    request = {"images": [], "size": None, "n": pictures, "params": {}}
    return NewJob(new_id(), model, "a cat", request, 5, 3, "hold", at)


def used(moments: list[float], limit: float) -> float:
    """Return the used share of a limit per minute, after the first seconds."""
    counted = [moment for moment in moments if SETTLING <= moment < SECONDS]
    return len(counted) / (limit * (SECONDS - SETTLING) / 60)
