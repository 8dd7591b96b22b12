"""Rows of workers: heartbeats, and the channels that each knows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.database import Database
from models.ids import new_id
from models.queries.workers import (
    count_alive,
    dead_workers,
    delete_worker,
    list_registrations,
    list_workers,
    write_heartbeat,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=50)


def row(name: str, **values: Any) -> dict[str, Any]:
    return {"id": new_id(), "name": name, "version": "1", "slots": 5, "started_at": NOW, **values}


async def test_a_heartbeat_makes_the_row_or_moves_its_time(database: Database) -> None:
    one, two = row("one"), row("two")
    async with database.writing() as connection:
        await write_heartbeat(connection, one, NOW)
        await write_heartbeat(connection, two, NOW)
        await write_heartbeat(connection, {**one, "stopping_at": LATER}, LATER)
        found = [(each.name, each.heartbeat_at, each.stopping_at) for each in await list_workers(connection)]
        assert found == [("one", LATER, LATER), ("two", NOW, None)]
        assert await count_alive(connection, NOW) == 1
        assert await dead_workers(connection, LATER) == [two["id"]]


async def test_a_worker_that_has_beaten_meanwhile_is_not_deleted(database: Database) -> None:
    one = row("one")
    async with database.writing() as connection:
        await write_heartbeat(connection, one, LATER)
        assert not await delete_worker(connection, one["id"], LATER)
        assert await delete_worker(connection, one["id"], LATER + timedelta(seconds=1))


async def test_live_workers_say_which_channels_they_know_and_earlier_versions_do_not(
    database: Database,
) -> None:
    known, old, dead = row("one", channels={"a": {"rpm": 5}}), row("old"), row("dead", channels={})
    async with database.writing() as connection:
        for worker, at in ((known, LATER), (old, LATER), (dead, NOW)):
            await write_heartbeat(connection, worker, at)
        found = await list_registrations(connection, LATER)
    assert {each.worker: each.channels for each in found} == {"one": {"a": {"rpm": 5}}, "old": None}
