"""A heartbeat keeps the worker's row, and sweeps leases that no task works on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from models.queries.channels import change_channel, list_channels, pause, pause_model
from models.queries.workers import request_stop
from models.tables import workers
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.worker.tasks.beats import heartbeat


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def row_of(darkroom: Darkroom, worker: OneWorker) -> Row[Any] | None:
    statement = select(workers).where(workers.c.id == worker.context.worker_id)
    async with darkroom.services.database.reading() as connection:
        return (await connection.execute(statement)).one_or_none()


async def test_a_heartbeat_updates_the_row_and_says_when_the_worker_stops(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    beats = heartbeat(worker)
    darkroom.clock.forward(seconds=5)
    await beats.beat()
    row = await row_of(darkroom, worker)
    assert row is not None
    assert (row.heartbeat_at, row.stopping_at) == (darkroom.clock(), None)
    assert worker.context.in_flight.heartbeat_at == darkroom.clock()

    worker.context.in_flight.halt.set()
    await beats.beat()
    row = await row_of(darkroom, worker)
    assert row is not None
    assert row.stopping_at == darkroom.clock()


async def test_a_worker_stops_once_when_a_person_asks_it_to(darkroom: Darkroom) -> None:
    worker, stopped = await darkroom.worker(), list[bool]()
    beats = heartbeat(worker, stop=lambda: stopped.append(True))
    await beats.beat()
    async with darkroom.services.database.writing() as connection:
        await request_stop(connection, worker.context.worker_id, darkroom.clock())
    assert not stopped
    for _ in range(2):
        await beats.beat()
    assert stopped == [True]


async def test_a_lease_whose_message_never_came_is_released_after_ten_seconds(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    worker.messages.clear()
    beats = heartbeat(worker)
    darkroom.clock.forward(seconds=9)
    await beats.beat()
    assert (await darkroom.job(job_id)).status == "leased"
    darkroom.clock.forward(seconds=2)
    await beats.beat()
    assert (await darkroom.job(job_id)).status == "queued"
    assert worker.context.in_flight.jobs == {}
    assert await darkroom.attempts(job_id) == []


async def test_a_worker_that_leaves_releases_its_leases_and_deletes_its_row(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    await heartbeat(worker).leave()
    assert (await darkroom.job(job_id)).status == "queued"
    assert await row_of(darkroom, worker) is None


@pytest.mark.parametrize("model", [None, "practice-image"])
async def test_a_worker_without_free_slots_starts_no_call_after_a_pause(
    darkroom: Darkroom, model: str | None
) -> None:
    worker, caller = await darkroom.worker(slots=2), await darkroom.caller()
    job_ids = [await darkroom.submit(caller) for _ in range(3)]
    await worker.dispatcher.run_round()
    assert worker.context.in_flight.free == 0
    async with darkroom.services.database.writing() as connection:
        if model:
            await pause_model(connection, "upstream", model, "tea", darkroom.clock())
        else:
            await pause(connection, "upstream", "tea", darkroom.clock())
    await heartbeat(worker).beat()
    await worker.deliver()
    assert [(await darkroom.job(job_id)).status for job_id in job_ids] == ["queued"] * 3
    assert [await darkroom.attempts(job_id) for job_id in job_ids] == [[]] * 3


async def test_a_pause_ends_by_itself_and_nothing_else_that_closes_the_channel(darkroom: Darkroom) -> None:
    worker, at = await darkroom.worker(), darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        await pause(connection, "upstream", "tea", at, by="ann", until=at + timedelta(seconds=30))
        tripped = {"tripped_at": at, "tripped_reason": "key refused"}
        await change_channel(connection, (await list_channels(connection))[0].id, tripped)
    found = []
    for _ in range(2):
        await heartbeat(worker).beat()
        async with darkroom.services.database.reading() as connection:
            [row] = await list_channels(connection)
        found.append((row.paused_at, row.paused_by, row.paused_until, row.tripped_reason))
        darkroom.clock.forward(seconds=30)
    assert found == [
        (at, "ann", at + timedelta(seconds=30), "key refused"),
        (None, None, None, "key refused"),
    ]
