"""The object store does not answer: a paid answer is saved without it, and no kill leads to a second call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from models.queries.leases import leased_to
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.support.hanging_store import HangingStore, let_storage_hang
from worker.maintenance.reaper import reclaim

INSIDE, LINKED = "markdown_data", "download_link"


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as opened:
        yield opened


async def _until_storage_is_asked(
    darkroom: Darkroom, store: HangingStore, **practice: object
) -> tuple[OneWorker, UUID, "asyncio.Task[None]"]:
    """Run a job that pays again for unknown outcomes until its worker waits for the object store."""
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice=practice, on_unknown="retry")
    working = asyncio.create_task(worker.run_round())
    async with asyncio.timeout(30):
        await store.asked.wait()
    return worker, job_id, working


async def _kill(darkroom: Darkroom, worker: OneWorker, working: "asyncio.Task[None]") -> None:
    """Reclaim a worker's jobs as the reaper does; what the dead one would write comes too late."""
    services = darkroom.services
    async with services.database.writing() as connection:
        jobs = await leased_to(connection, worker.context.worker_id)
        await reclaim(connection, jobs, worker.context.worker_id, services.policies, services.clock())
    for task in [working, *worker.context.in_flight.jobs.values()]:
        if task is not None:
            task.cancel()
    with suppress(asyncio.CancelledError):
        await working


@pytest.mark.parametrize("deliver", [INSIDE, LINKED])
async def test_a_paid_answer_is_saved_before_the_object_store_is_asked(
    darkroom: Darkroom, deliver: str
) -> None:
    store = let_storage_hang(darkroom)
    _, job_id, working = await _until_storage_is_asked(darkroom, store, deliver=deliver)
    job, (attempt,) = await darkroom.job(job_id), await darkroom.attempts(job_id)
    assert (job.status, attempt.outcome) == ("storing", "success")
    assert (job.answer is not None, attempt.finished_at is not None) == (True, True)

    store.answers.set()
    await working
    (asset,) = await darkroom.assets(job_id)
    (attempt,) = await darkroom.attempts(job_id)
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(await store.get(asset.key)) == asset.bytes
    assert attempt.raw_key is not None
    assert len(darkroom.provider.call_log.calls) == 1


async def test_a_failure_is_decided_before_the_object_store_is_asked(darkroom: Darkroom) -> None:
    store = let_storage_hang(darkroom)
    _, job_id, working = await _until_storage_is_asked(darkroom, store, fail="502")
    (attempt,) = await darkroom.attempts(job_id)
    assert ((await darkroom.job(job_id)).status, attempt.outcome) == ("queued", "retry")

    store.answers.set()
    await working
    assert (await darkroom.attempts(job_id))[0].raw_key is not None


async def test_a_worker_that_waits_for_its_archive_has_its_slot_free(darkroom: Darkroom) -> None:
    store = let_storage_hang(darkroom)
    worker, _, working = await _until_storage_is_asked(darkroom, store, fail="502")
    assert worker.context.in_flight.jobs == {}
    store.answers.set()
    await working


async def test_an_image_whose_worker_was_killed_before_it_was_stored_is_not_paid_for_twice(
    darkroom: Darkroom,
) -> None:
    store = let_storage_hang(darkroom)
    first, job_id, working = await _until_storage_is_asked(darkroom, store, deliver=INSIDE)
    await _kill(darkroom, first, working)
    store.answers.set()
    await (await darkroom.worker()).run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"], job.answer) == ("held", "asset_unstored", None)
    assert "pays for a new picture" in job.error["message"]
    assert len(darkroom.provider.call_log.calls) == 1


async def test_an_image_whose_worker_was_killed_after_it_was_stored_is_found_by_its_content_key(
    darkroom: Darkroom,
) -> None:
    store = let_storage_hang(darkroom)
    first, job_id, working = await _until_storage_is_asked(darkroom, store, deliver=INSIDE)
    (job,) = first.context.in_flight.jobs.values()
    await _kill(darkroom, first, working)
    assert job is not None
    assert job.cancelled()
    (piece,) = (await darkroom.job(job_id)).answer["pieces"]
    stored = piece["unstored"]
    store.answers.set()
    await store.put(stored["key"], bytes(stored["bytes"]), content_type=stored["content_type"])
    await (await darkroom.worker()).run_round()
    (asset,) = await darkroom.assets(job_id)
    assert ((await darkroom.job(job_id)).status, asset.key) == ("succeeded", stored["key"])
    assert len(darkroom.provider.call_log.calls) == 1


async def test_an_image_that_another_worker_cannot_look_for_yet_waits_for_the_object_store(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    store = let_storage_hang(darkroom)
    first, job_id, working = await _until_storage_is_asked(darkroom, store, deliver=INSIDE)
    await _kill(darkroom, first, working)
    store.answers.set()
    pictures, aside = tmp_path / "pictures", tmp_path / "aside"
    pictures.rename(aside)
    pictures.write_bytes(b"a folder that is not mounted")
    second = await darkroom.worker()
    await second.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.store_tries, "unstored" in job.answer["pieces"][0]) == ("storing", 0, True)

    pictures.unlink()
    aside.rename(pictures)
    darkroom.clock.forward(minutes=1)
    await second.run_round()
    assert (await darkroom.job(job_id)).status == "held"
    assert len(darkroom.provider.call_log.calls) == 1
