"""Batches in SQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.database import Database
from models.ids import new_id
from models.openai.batch_status import BatchStatus
from models.queries.openai.batches import (
    NewBatch,
    change_status,
    claim_batch,
    count_open,
    find_batch,
    insert_batch,
    list_batches,
    list_open,
    release_batch,
)
from tests.models.queries.openai.callers import new_caller

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def new_batch(database: Database, caller: UUID) -> UUID:
    key = new_id()
    async with database.writing() as connection:
        await insert_batch(
            connection,
            NewBatch(
                id=key,
                caller_id=caller,
                campaign_id=new_id(),
                input_file_id=new_id(),
                endpoint="/v1/images/generations",
                completion_window="24h",
                metadata={"a": "b"},
                inline_images=False,
                output_expires_after=None,
                partial_output_id=new_id(),
                partial_error_id=new_id(),
                created_at=AT,
                expires_at=AT + timedelta(days=1),
            ),
        )
    return key


async def test_batches_are_listed_from_the_newest_and_only_their_callers(database: Database) -> None:
    caller, other = await new_caller(database), await new_caller(database)
    made = [await new_batch(database, caller) for _ in range(3)]
    async with database.reading() as connection:
        assert [row.id for row in await list_batches(connection, caller, after=None, limit=2)] == made[:0:-1]
        assert [row.id for row in await list_batches(connection, caller, after=made[1], limit=9)] == made[:1]
        assert await list_batches(connection, other, after=None, limit=9) == []
        assert await find_batch(connection, made[0], caller_id=other) is None
        found = await find_batch(connection, made[0], caller_id=caller)
    assert found is not None
    assert (found.metadata, found.status) == ({"a": "b"}, "validating")


async def test_a_status_changes_once_and_only_as_the_state_machine_allows(database: Database) -> None:
    caller = await new_caller(database)
    key = await new_batch(database, caller)
    async with database.writing() as connection:
        batch = await find_batch(connection, key, caller_id=None, lock=True)
        assert batch is not None
        with pytest.raises(ValueError, match="does not go"):
            await change_status(connection, batch, BatchStatus.COMPLETED, at=AT)
        assert await change_status(connection, batch, BatchStatus.FAILED, at=AT, changes={"error_count": 1})
        assert not await change_status(connection, batch, BatchStatus.CANCELLING, at=AT)
        ended = await find_batch(connection, key, caller_id=None)
        assert ended is not None
        assert (ended.status, ended.failed_at, ended.error_count) == ("failed", AT, 1)
        assert await list_open(connection) == []
        assert await count_open(connection, caller) == 0


async def test_one_process_has_a_claim_until_it_ends(database: Database) -> None:
    key = await new_batch(database, await new_caller(database))
    one, two = new_id(), new_id()
    async with database.writing() as connection:
        until = AT + timedelta(minutes=1)
        assert await claim_batch(connection, key, one, until=until, at=AT)
        assert await claim_batch(connection, key, one, until=until, at=AT)
        assert not await claim_batch(connection, key, two, until=until, at=AT)
        batch = await find_batch(connection, key, caller_id=None)
        assert batch is not None
        assert not await change_status(connection, batch, BatchStatus.IN_PROGRESS, at=AT, claim=two)
        await release_batch(connection, key, two)
        assert not await claim_batch(connection, key, two, until=until, at=AT)
        assert await claim_batch(connection, key, two, until=until, at=until)
        await release_batch(connection, key, two)
        assert await claim_batch(connection, key, one, until=until, at=AT)
