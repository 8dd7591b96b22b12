"""Workers without a heartbeat are reaped, but not because of an outage."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from models.ids import new_id
from models.queries.workers import delete_worker
from models.tables import attempts, jobs, workers
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.metrics.samples import sample
from tests.worker.tasks.beats import heartbeat
from worker.maintenance.process_locks import ProcessLocks
from worker.maintenance.reaper import Reaper


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def known(darkroom: Darkroom) -> set[UUID]:
    async with darkroom.services.database.reading() as connection:
        return set(await connection.scalars(select(workers.c.id)))


@pytest.mark.parametrize("outage", [10, 30, 31, 55, 120])
async def test_no_worker_is_reaped_because_of_an_outage_of_the_database(
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


async def test_a_frozen_worker_reaps_no_other_when_it_wakes_and_gets_its_row_back(
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


async def test_leases_of_a_dead_worker_are_released_its_row_and_its_queue_deleted(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    dead, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller())
    await dead.dispatcher.run_round()
    deleted: list[UUID] = []
    repaired = sample("darkroom_reconciler_repairs_total", kind="stuck_running")

    async def delete_queue(worker_id: UUID) -> None:
        deleted.append(worker_id)

    locks = ProcessLocks(tmp_path / "locks")
    reaper = Reaper(darkroom.services, other.context.worker_id, delete_queue, locks)
    timeout = darkroom.services.settings.worker_timeout
    for _ in range(4):
        darkroom.clock.forward(seconds=timeout / 3)
        reaper.note_heartbeat(darkroom.clock())
    await reaper.reap(darkroom.clock())
    assert (await darkroom.job(job_id)).status == "queued"
    assert dead.context.worker_id in deleted
    assert sample("darkroom_reconciler_repairs_total", kind="stuck_running") == repaired + 1
    assert dead.context.worker_id not in await known(darkroom)


async def test_a_worker_that_starts_reaps_at_once_what_has_ended_on_its_machine_and_nothing_else(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    killed, living, other = [await darkroom.worker() for _ in range(3)]
    caller = await darkroom.caller()
    job_ids = [await darkroom.submit(caller), await darkroom.submit(caller)]
    await killed.dispatcher.run_round()
    job_ids += [await darkroom.submit(caller), await darkroom.submit(caller)]
    await living.dispatcher.run_round()
    folder = tmp_path / "locks"
    held = ProcessLocks(folder)
    held.hold(living.context.worker_id)
    (folder / f"{killed.context.worker_id}.worker").touch()  # its lock went with its process
    (folder / f"{new_id()}.worker").touch()

    async def delete_queue(worker_id: UUID) -> None:
        """There is no broker here."""

    await Reaper(darkroom.services, other.context.worker_id, delete_queue, ProcessLocks(folder)).reap_ended(
        darkroom.clock()
    )
    assert [(await darkroom.job(job_id)).status for job_id in job_ids] == ["queued"] * 2 + ["leased"] * 2
    assert await known(darkroom) == {living.context.worker_id, other.context.worker_id}
    assert [path.name for path in folder.iterdir()] == [f"{living.context.worker_id}.worker"]
    held.release(living.context.worker_id)


async def test_leases_of_a_worker_without_a_row_are_released(darkroom: Darkroom) -> None:
    gone, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller())
    await gone.dispatcher.run_round()
    async with darkroom.services.database.writing() as connection:
        assert await delete_worker(connection, gone.context.worker_id)
    beats = heartbeat(other)
    for _ in range(4):
        darkroom.clock.forward(seconds=darkroom.services.settings.worker_timeout / 3)
        await beats.beat()
    assert (await darkroom.job(job_id)).status == "queued"
    assert await known(darkroom) == {other.context.worker_id}


async def test_the_call_of_a_cancelled_job_is_concluded_when_its_worker_is_lost(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    killed, other = await darkroom.worker(), await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller())
    await killed.dispatcher.run_round()
    call = {"job_id": job_id, "number": 1, "generation": 1, "channel": "upstream", "billed": "unknown"}
    call |= {"worker_id": killed.context.worker_id, "sent_at": darkroom.clock()}
    async with darkroom.services.database.writing() as connection:
        await connection.execute(insert(attempts).values(**call))
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(status="cancelled"))

    async def delete_queue(worker_id: UUID) -> None:
        """There is no broker here."""

    folder = tmp_path / "locks"
    folder.mkdir()
    (folder / f"{killed.context.worker_id}.worker").touch()  # its lock went with its process
    locks = ProcessLocks(folder)
    await Reaper(darkroom.services, other.context.worker_id, delete_queue, locks).reap_ended(darkroom.clock())
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.outcome, attempt.billed, attempt.finished_at) == (
        "ambiguous",
        "unknown",
        darkroom.clock(),
    )
    job = await darkroom.job(job_id)
    assert (job.status, job.worker_id) == ("cancelled", None)
