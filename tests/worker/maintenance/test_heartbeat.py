"""Who is taken for lost, and who is not."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from models.tables import workers
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.tasks.beats import heartbeat


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def known(darkroom: Darkroom) -> set[UUID]:
    async with darkroom.services.database.reading() as connection:
        return set(await connection.scalars(select(workers.c.id)))


@pytest.mark.parametrize("outage", [10, 30, 31, 55, 120])
async def test_nobody_is_given_up_for_an_outage_of_the_database_however_long(
    darkroom: Darkroom, outage: float
) -> None:
    one, other = await darkroom.worker(), await darkroom.worker()
    beats = [heartbeat(one), heartbeat(other)]
    for _ in range(5):  # long enough to give others up
        for beat in beats:
            await beat.beat()
        darkroom.clock.forward(seconds=20)
    darkroom.clock.forward(seconds=outage)
    for _ in range(3):  # one is back at once, the other after its longest pause
        await beats[0].beat()
        darkroom.clock.forward(seconds=2)
    assert await known(darkroom) == {one.context.worker_id, other.context.worker_id}


async def test_a_worker_that_was_frozen_gives_nobody_up_when_it_wakes_and_is_known_again(
    darkroom: Darkroom,
) -> None:
    frozen, other = await darkroom.worker(), await darkroom.worker()
    beats = [heartbeat(frozen), heartbeat(other)]
    for beat in beats:
        await beat.beat()
    for _ in range(6):
        darkroom.clock.forward(seconds=20)
        await beats[1].beat()
    assert await known(darkroom) == {other.context.worker_id}
    darkroom.clock.forward(seconds=50)  # the other is late, too
    await beats[0].beat()
    assert await known(darkroom) == {frozen.context.worker_id, other.context.worker_id}
