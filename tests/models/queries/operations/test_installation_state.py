"""The state of an installation, as one read of the database shows it."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from models.database import Database
from models.ids import new_id
from models.queries.attempts import NewAttempt, insert_attempts
from models.queries.operations.installation_state import count_unpriced, read_state, spent_since
from models.queries.operations.stored_bytes import count_bytes
from models.tables import assets, attempts, campaigns, channels, jobs
from tests.models.queries.operations.stored_jobs import NEW, NOW, add
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)


async def test_queued_jobs_are_due_scheduled_or_closed_with_their_campaign(
    database: Database, caller_id: UUID
) -> None:
    later = NOW + timedelta(hours=1)
    first, _, shut, ended = await add(
        database,
        caller_id,
        replace(NEW, id=new_id(), not_before=NOW - timedelta(seconds=30)),
        replace(NEW, id=new_id(), not_before=later),
        replace(NEW, id=new_id(), campaign="paused", not_before=NOW - timedelta(hours=9)),
        replace(NEW, id=new_id()),
    )
    async with database.writing() as connection:
        closed = {"caller_id": caller_id, "name": "paused", "updated_at": NOW, "closed": "campaign_paused"}
        await connection.execute(insert(campaigns).values(**closed))
        await connection.execute(update(jobs).where(jobs.c.id == ended).values(status="failed"))
    async with database.reading() as connection:
        state = await read_state(connection, NOW)
    queue = state.queues[NEW.model]
    assert (queue.due, queue.scheduled, queue.closed) == (1, 1, 1)
    assert queue.oldest_due == NOW - timedelta(seconds=30)
    assert (state.jobs["queued"], state.jobs["held"]) == (3, 0)
    assert "failed" not in state.jobs
    assert first != shut


async def test_spend_of_a_period_and_calls_without_a_price(database: Database, caller_id: UUID) -> None:
    ids = await add(database, caller_id, *(replace(NEW, id=new_id()) for _ in range(3)))
    async with database.writing() as connection:
        await connection.execute(insert(channels).values(**CHANNEL))
        call = NewAttempt(
            job_id=ids[0], number=1, generation=1, channel="one", worker_id=new_id(), sent_at=NOW
        )
        await insert_attempts(connection, [replace(call, job_id=key) for key in ids])
        paid = {"cost_micro": 500_000, "currency": "USD", "billed": "yes"}
        calls = [
            {**paid, "outcome": "success"},
            {**paid, "outcome": "no_image"},
            {"billed": "yes", "outcome": "success"},
        ]
        for key, values in zip(ids, calls, strict=True):
            await connection.execute(update(attempts).where(attempts.c.job_id == key).values(**values))
    async with database.reading() as connection:
        spent = await spent_since(connection, NOW - timedelta(hours=1))
        none = await spent_since(connection, NOW + timedelta(seconds=1))
        unpriced = await count_unpriced(connection, NOW - timedelta(hours=1))
    assert {(each.currency, each.outcome, each.micro) for each in spent} == {
        ("USD", "success", 500_000),
        ("USD", "no_image", 500_000),
    }
    assert (none, unpriced) == ([], 1)


CHANNEL = {
    "id": new_id(),
    "name": "one",
    "configured": True,
    "models": ["*"],
    "concurrency": 5,
    "blocked_models": {},
    "updated_at": NOW,
}


async def test_stored_bytes_are_summed_by_kind(database: Database, caller_id: UUID) -> None:
    (job,) = await add(database, caller_id, NEW)
    rows = [
        {
            "id": new_id(),
            "caller_id": caller_id,
            "job_id": job_id,
            "position": 0,
            "token": f"t{size}",
            "key": "k",
            "sha256": "s",
            "content_type": "image/png",
            "extension": "png",
            "bytes": size,
            "created_at": NOW,
        }
        for job_id, size in ((job, 30), (job, 12), (None, 5))
    ]
    async with database.writing() as connection:
        await connection.execute(insert(assets), rows)
        assert await count_bytes(connection) == {"result": 42, "input": 5}
