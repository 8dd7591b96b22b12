"""The gate's state, as it is told to those who wait."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from models.queries.scheduling.snapshot import read_snapshot
from models.tables import workers
from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


@pytest.mark.parametrize("gone", ["stopping_at", "heartbeat_at"])
async def test_what_a_stopping_or_lost_worker_has_in_hand_takes_no_slot_of_the_others(
    darkroom: Darkroom, gone: str
) -> None:
    caller, one, _ = await darkroom.caller(), await darkroom.worker(slots=2), await darkroom.worker(slots=2)
    for _ in range(2):
        await darkroom.submit(caller)
    await one.dispatcher.run_round()
    now = darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        before = await read_snapshot(connection, at=now, alive_since=now - timedelta(minutes=1))
        when = {gone: now if gone == "stopping_at" else now - timedelta(hours=1)}
        await connection.execute(update(workers).where(workers.c.id == one.context.worker_id).values(**when))
        after = await read_snapshot(connection, at=now, alive_since=now - timedelta(minutes=1))
    assert (before.slots, before.slots_used) == (4, 2)
    assert (after.slots, after.slots_used) == (2, 0)
