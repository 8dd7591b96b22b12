from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from models.channels import ChannelSettings
from models.database import Database
from models.ids import new_id
from models.queries.call_stats import (
    count_calls,
    count_in_progress,
    count_sent_or_leased,
    count_starts,
    newest_calls,
)
from models.queries.callers import insert_caller
from models.queries.channels import list_channels, sync_channels
from models.queries.jobs import NewJob, insert_jobs
from models.tables import attempts, jobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def caller_id(database: Database) -> UUID:
    """A caller and the channel ``a``."""
    caller_id = new_id()
    given = {"name": "a", "base_url": "https://api.example.com", "api_key": "k", "models": "*"}
    async with database.writing() as connection:
        values: dict[str, Any] = {"key_hash": b"k" * 32, "key_hint": "", "admin": False}
        await insert_caller(connection, caller_id, name="ops", at=NOW, **values)
        await sync_channels(connection, [ChannelSettings.model_validate(given)], NOW)
    return caller_id


async def add(
    database: Database, caller_id: UUID, status: str, *sent_at: datetime, model: str = "m", **values: Any
) -> None:
    """Insert a job of this status, leased to a worker on ``a`` if it is, with a call at each time."""
    job = NewJob(new_id(), model, "a cat", {}, 0, 3, "hold", NOW, **values)
    async with database.writing() as connection:
        await insert_jobs(connection, [job], caller_id=caller_id, surface="rest", at=NOW)
        (channel,) = await list_channels(connection)
        leased = {"worker_id": new_id(), "channel_id": channel.id} if status == "leased" else {}
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status, **leased))
        for number, at in enumerate(sent_at, 1):
            call = {"job_id": job.id, "number": number, "generation": 1, "channel": "a", "sent_at": at}
            await connection.execute(insert(attempts).values(**call, worker_id=new_id(), billed="unknown"))


async def test_calls_of_a_channel_are_counted_from_a_time_on(database: Database, caller_id: UUID) -> None:
    await add(database, caller_id, "failed", NOW - MINUTE, NOW, NOW + MINUTE)
    async with database.reading() as connection:
        assert await count_starts(connection, "a", NOW - MINUTE) == 2
        assert await count_starts(connection, "other", NOW - MINUTE) == 0
        assert [row.sent_at for row in await newest_calls(connection, "a", NOW - MINUTE)] == [
            NOW + MINUTE,
            NOW,
        ]


async def test_leased_jobs_count_with_the_calls_that_were_sent(database: Database, caller_id: UUID) -> None:
    await add(database, caller_id, "running", NOW)
    await add(database, caller_id, "leased")
    await add(database, caller_id, "leased", model="n")
    await add(database, caller_id, "queued")
    async with database.reading() as connection:
        (channel,) = await list_channels(connection)
        assert await count_sent_or_leased(connection, channel, NOW) == 3
        assert await count_sent_or_leased(connection, channel, NOW, model="m") == 2
        assert await count_sent_or_leased(connection, channel, NOW + MINUTE) == 2


async def test_a_set_of_jobs_is_counted_by_campaign_and_model(database: Database, caller_id: UUID) -> None:
    await add(database, caller_id, "running", NOW, campaign="night")
    await add(database, caller_id, "storing", NOW, NOW, campaign="night", model="n")
    await add(database, caller_id, "queued", campaign="night")
    every: dict[str, Any] = {"campaign": None, "model": None}
    async with database.reading() as connection:
        progress = await count_in_progress(connection, caller_id, campaign="night", model=None)
        assert (progress["running"], progress["storing"]) == (1, 1)
        assert "queued" not in progress
        of_model = await count_in_progress(connection, caller_id, campaign="night", model="n")
        assert (of_model["running"], of_model["storing"]) == (0, 1)
        assert await count_calls(connection, ["a"], NOW - MINUTE, caller_id=caller_id, **every) == 3
        assert await count_calls(connection, ["a"], NOW - MINUTE, caller_id=new_id(), **every) == 0
        named = {"campaign": "night", "model": "n"}
        assert await count_calls(connection, ["a"], NOW - MINUTE, caller_id=caller_id, **named) == 2
