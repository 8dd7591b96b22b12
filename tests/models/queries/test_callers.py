from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from models.database import Database
from models.ids import new_id
from models.queries.api_keys import change_key
from models.queries.callers import (
    any_caller,
    change_limits,
    insert_caller,
    list_ids,
    lock_queue_room,
    lock_shares,
    names_of,
    save_shares,
)
from models.queries.jobs import NewJob, insert_jobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def add(database: Database, name: str, **limits: Any) -> UUID:
    caller_id = new_id()
    async with database.writing() as connection:
        assert await insert_caller(
            connection,
            caller_id,
            name=name,
            key_hash=name.encode().ljust(32),
            key_hint=name,
            admin=False,
            at=NOW,
            limits=limits,
        )
    return caller_id


async def queue(database: Database, caller_id: UUID, count: int) -> None:
    jobs = [NewJob(new_id(), "m", "a cat", {}, 0, 3, "hold", NOW) for _ in range(count)]
    async with database.writing() as connection:
        await insert_jobs(connection, jobs, caller_id=caller_id, surface="rest", at=NOW)


async def test_a_key_makes_one_caller_however_often_it_is_inserted(database: Database) -> None:
    async with database.reading() as connection:
        assert not await any_caller(connection)
    first = await add(database, "ops")
    async with database.writing() as connection:
        values: dict[str, Any] = {"name": "other", "key_hint": "x", "admin": True, "at": NOW}
        assert not await insert_caller(connection, new_id(), key_hash=b"ops".ljust(32), **values)
    async with database.reading() as connection:
        assert await list_ids(connection) == await list_ids(connection, name="ops") == [first]
        assert not await list_ids(connection, name="other")
        assert await names_of(connection, [first, new_id()]) == {first: "ops"}
        assert await any_caller(connection)


@pytest.mark.parametrize(("limit", "queued", "left"), [(3, 0, 3), (3, 2, 1), (3, 3, 0), (2, 5, 0)])
async def test_the_queue_room_is_what_the_limit_leaves(
    database: Database, limit: int, queued: int, left: int
) -> None:
    caller_id = await add(database, "ops", max_queued=limit)
    await queue(database, caller_id, queued)
    async with database.writing() as connection:
        room = await lock_queue_room(connection, caller_id)
    assert room is not None
    assert (room.limit, room.left) == (limit, left)


async def test_a_caller_without_a_limit_has_no_queue_room_to_lock(database: Database) -> None:
    caller_id = await add(database, "ops", max_queued=1)
    async with database.writing() as connection:
        await change_limits(connection, caller_id, {"max_queued": None})
        assert await lock_queue_room(connection, caller_id) is None


async def test_fair_shares_are_saved_for_the_next_round(database: Database) -> None:
    first, second = await add(database, "a"), await add(database, "b", weight=2.0)
    share = {"deficit": 0.5, "turn": 7, "campaign_turn": "c", "priority_turn": 3, "next_start_at": NOW}
    async with database.writing() as connection:
        await save_shares(connection, [{"id": second, **share}])
        found = {row.id: row for row in await lock_shares(connection, [first, second], NOW)}
    assert (found[first].deficit, found[first].turn) == (0, 0)
    assert {name: getattr(found[second], name) for name in share} == share
    assert found[second].weight == 2.0


async def test_a_dispatch_round_leaves_out_callers_without_a_usable_key(database: Database) -> None:
    able, keyless = await add(database, "a"), await add(database, "b")
    async with database.writing() as connection:
        await change_key(connection, keyless, expires_at=NOW)
        assert [row.id for row in await lock_shares(connection, [able, keyless], NOW)] == [able]
        earlier = NOW - timedelta(seconds=1)
        assert len(await lock_shares(connection, [able, keyless], earlier)) == 2
