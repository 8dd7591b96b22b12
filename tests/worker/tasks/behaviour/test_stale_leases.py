"""Late, doubled and lost words: of frozen workers, of the broker, and of the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.errors import DatabaseAway
from models.queries.workers import delete_worker
from models.tables import jobs
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.support.databases import PostgresCopies
from tests.worker.tasks.beats import heartbeat
from worker.maintenance.heartbeat import Heartbeat


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


async def call(darkroom: Darkroom, worker: OneWorker) -> "asyncio.Task[None]":
    """Let a worker start what is due, and return while its calls are in flight."""
    calls = len(darkroom.provider.call_log.calls)
    await worker.dispatcher.run_round()
    working = asyncio.create_task(worker.deliver())
    async with asyncio.timeout(30):
        await darkroom.provider.call_log.wait_until(lambda log: len(log.calls) > calls)
    return working


async def give_up_others(darkroom: Darkroom, worker: OneWorker) -> Heartbeat:
    """Let time pass in which only this worker beats."""
    beats = heartbeat(worker)
    for _ in range(4):
        await beats.beat()
        darkroom.clock.forward(seconds=darkroom.services.settings.worker_timeout / 3)
    await beats.beat()
    return beats


async def test_the_late_result_of_a_frozen_worker_is_refused_and_only_amends_its_attempt(
    darkroom: Darkroom,
) -> None:
    frozen, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"delay": 2})
    working = await call(darkroom, frozen)
    await give_up_others(darkroom, other)
    (guess,) = await darkroom.attempts(job_id)
    assert (guess.outcome, guess.billed) == ("ambiguous", "unknown")

    await working
    assert (await darkroom.job(job_id)).status == "held"
    assert await darkroom.assets(job_id) == []
    (known,) = await darkroom.attempts(job_id)
    assert (known.outcome, known.error_code, known.billed) == ("success", None, "yes")
    assert known.raw_key is not None  # the picture was paid for: it can be read again
    assert (await darkroom.statuses(job_id))[-1] == "held"


async def test_a_frozen_worker_that_wakes_does_not_disturb_the_call_that_replaced_its_own(
    darkroom: Darkroom,
) -> None:
    frozen, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(
        await darkroom.caller(), practice={"delay": 3}, on_unknown="retry", max_attempts=5
    )
    working = await call(darkroom, frozen)
    await give_up_others(darkroom, other)
    darkroom.clock.forward(minutes=10)
    await heartbeat(other).beat()
    again = await call(darkroom, other)
    await working
    assert (await darkroom.job(job_id)).status == "running"
    await again
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(await darkroom.assets(job_id)) == 1
    assert [row.outcome for row in await darkroom.attempts(job_id)] == ["success", "success"]


async def test_a_message_that_comes_twice_leaves_the_running_job_in_flight(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"delay": 2})
    await worker.dispatcher.run_round()
    messages = list(worker.messages)
    working = asyncio.create_task(worker.deliver())
    await darkroom.provider.call_log.wait_until(lambda log: log.in_flight == 1)
    worker.messages.extend(messages)
    await worker.deliver()
    assert job_id in worker.context.in_flight.jobs
    darkroom.clock.forward(seconds=20)
    await heartbeat(worker).beat()  # would reclaim the leases that have no task yet
    await working
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(darkroom.provider.call_log.calls) == 1


async def test_the_end_of_a_call_leaves_a_newer_lease_of_its_job_in_flight(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice={"delay": 2})
    working = await call(darkroom, worker)
    worker.context.in_flight.jobs[job_id] = None  # the next promise, made while the end is being written down
    await working
    assert job_id in worker.context.in_flight.jobs


class Forgetful(Database):
    """A database that goes away between a commit and its acknowledgement, ``losses`` times."""

    losses = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with super().writing() as connection:
            yield connection
        if self.losses:
            self.losses -= 1
            raise DatabaseAway("server closed the connection unexpectedly")


@pytest.fixture
async def forgetful(darkroom: Darkroom, database_url: str) -> AsyncIterator[Forgetful]:
    database = Forgetful(database_url)
    darkroom.services = replace(darkroom.services, database=database)
    yield database
    for worker in darkroom.workers:
        await worker.context.group_commit.stop()
    await database.close()


async def leased(darkroom: Darkroom) -> tuple[OneWorker, UUID]:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    return worker, job_id


async def test_a_start_whose_acknowledgement_was_lost_is_undone_and_no_call_is_presumed_lost(
    darkroom: Darkroom, forgetful: Forgetful
) -> None:
    worker, job_id = await leased(darkroom)
    forgetful.losses = 1
    await worker.deliver()
    assert darkroom.provider.call_log.calls == []
    job = await darkroom.job(job_id)
    assert (job.status, job.attempts_used, job.worker_id) == ("queued", 0, None)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert [row.number for row in await darkroom.attempts(job_id)] == [1]


async def test_a_worker_that_was_frozen_before_its_first_byte_left_sends_nothing(darkroom: Darkroom) -> None:
    worker, job_id = await leased(darkroom)
    async with darkroom.services.database.writing() as connection:
        await connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update())
        working = asyncio.create_task(worker.deliver())
        while not worker.context.group_commit.busy:  # noqa: ASYNC110 - the group commit has no event for that
            await asyncio.sleep(0)
        darkroom.clock.forward(minutes=2)
    await working
    assert darkroom.provider.call_log.calls == []
    assert (await darkroom.job(job_id)).status == "queued"
    assert await darkroom.attempts(job_id) == []


async def test_a_result_whose_acknowledgement_was_lost_is_written_once(
    darkroom: Darkroom, forgetful: Forgetful
) -> None:
    worker, job_id = await leased(darkroom)
    working = asyncio.create_task(worker.deliver())
    await darkroom.provider.call_log.wait_until(lambda log: len(log.calls) == 1)
    forgetful.losses = 3
    await working
    assert len(await darkroom.assets(job_id)) == 1
    assert (await darkroom.statuses(job_id)) == [*("queued", "leased", "running", "storing", "succeeded")]
    assert [row.outcome for row in await darkroom.attempts(job_id)] == ["success"]


async def test_a_worker_that_wakes_takes_nothing_before_others_can_see_it_again(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    beats = heartbeat(worker)
    await beats.beat()
    darkroom.clock.forward(minutes=2)
    await worker.dispatcher.run_round()
    assert (await darkroom.job(job_id)).status == "queued"
    await beats.beat()
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"


async def test_a_worker_that_beats_just_before_it_would_be_reaped_keeps_its_jobs(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice={}) as darkroom:
            job_id = await darkroom.submit(await darkroom.caller())
            waking, other = await darkroom.worker(), await darkroom.worker()
            beats = await give_up_others(darkroom, other)
            await heartbeat(waking).beat()
            await waking.dispatcher.run_round()
            async with darkroom.services.database.writing() as connection:
                await delete_worker(connection, waking.context.worker_id)
            beaten: list[str] = []

            @event.listens_for(darkroom.services.database.engine.sync_engine, "after_cursor_execute")
            def wake(_: Any, __: Any, statement: str, *___: Any) -> None:
                if "SELECT DISTINCT jobs.worker_id" in statement and not beaten:
                    beaten.append(statement)
                    with psycopg.connect(url) as own:
                        own.execute(
                            "INSERT INTO workers (id, name, version, slots, started_at, heartbeat_at)"
                            " VALUES (%s, 'waking', '0', 1, now(), %s)",
                            (waking.context.worker_id, darkroom.clock()),
                        )

            await beats.beat()
            assert beaten
            assert (await darkroom.job(job_id)).status == "leased"
