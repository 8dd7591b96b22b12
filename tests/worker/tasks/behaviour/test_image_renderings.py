"""One image in several renderings: the best one is stored, and no bytes get into the database."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from models.tables import jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.task_provider import PNG, TASK, WHOLE, TaskProvider, task_provider
from worker.practice.drawing.png import noise_png

LONG = noise_png("a cat", 1)
TASKS = f"/v1/images/tasks/{TASK}"


@pytest.fixture
async def provider() -> AsyncIterator[TaskProvider]:
    async with task_provider() as opened:
        yield opened


@pytest.fixture
async def room(plain_database_url: str, tmp_path: Path, provider: TaskProvider) -> AsyncIterator[Darkroom]:
    async with open_darkroom(
        plain_database_url, tmp_path, practice={}, upstream_base_url=provider.url
    ) as opened:
        yield opened


@pytest.mark.parametrize("picture", [PNG, LONG], ids=["short", "long"])
async def test_a_picture_inside_the_answer_is_taken_when_its_original_is_gone(
    room: Darkroom, provider: TaskProvider, picture: bytes
) -> None:
    inside = base64.b64encode(picture).decode()
    link = f"{provider.url}/gone.png"
    provider.respond_with_stream(f"![a](data:image/png;base64,{inside})\n[点击下载]({link})\n", ending=WHOLE)
    worker, job_id = await room.worker(), await room.submit(await room.caller())
    await worker.run_round()
    job = await room.job(job_id)
    assert (job.status, job.answer["pieces"][0]["url"]) == ("storing", link)
    assert "data:" not in str(job.answer)
    for _ in range(room.services.settings.store_attempts):
        room.clock.forward(minutes=10)
        await worker.run_round()
    (asset,) = await room.assets(job_id)
    assert (await room.job(job_id)).status == "succeeded"
    assert (await room.services.store.get(asset.key), asset.source_url) == (picture, None)
    assert provider.calls == 1


async def test_the_original_is_preferred_to_the_picture_inside_the_answer(
    room: Darkroom, provider: TaskProvider
) -> None:
    inside = base64.b64encode(LONG).decode()
    link = provider.picture()
    provider.respond_with_stream(f"![a](data:image/png;base64,{inside})\n[点击下载]({link})\n", ending=WHOLE)
    worker, job_id = await room.worker(), await room.submit(await room.caller())
    await worker.run_round()
    (asset,) = await room.assets(job_id)
    assert (await room.services.store.get(asset.key), asset.source_url) == (PNG, link)


async def test_a_damaged_picture_inside_the_answer_is_fetched_from_its_address(
    room: Darkroom, provider: TaskProvider
) -> None:
    damaged = base64.b64encode(PNG[:24] + bytes(40) + PNG[-12:]).decode()
    link = provider.picture()
    provider.respond(TASKS, {"status": "succeeded", "data": [{"b64_json": damaged, "url": link}]})
    worker, job_id = await room.worker(), await room.submit(await room.caller())
    await worker.run_round()
    (asset,) = await room.assets(job_id)
    assert (asset.source_url, provider.calls) == (link, 1)


async def test_a_link_that_is_no_address_ends_the_job_instead_of_being_tried_for_ever(
    room: Darkroom, provider: TaskProvider
) -> None:
    provider.respond_with_stream("![a](https://xn--/a.png)\n", ending=WHOLE)
    worker, job_id = await room.worker(), await room.submit(await room.caller())
    await worker.run_round()
    job = await room.job(job_id)
    assert (job.status, job.error["code"]) == ("failed", "asset_blocked_address")
    assert ".." not in job.error["message"]


async def test_a_fault_of_our_own_costs_a_try_and_not_the_job(room: Darkroom, provider: TaskProvider) -> None:
    provider.respond_with_stream(f"![a]({provider.url}/gone.png)\n", ending=WHOLE)
    worker, job_id = await room.worker(), await room.submit(await room.caller())
    await worker.run_round()
    damaged = {**(await room.job(job_id)).answer, "pieces": [{"url": 5, "alternates": []}]}
    async with room.services.database.writing() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(answer=damaged))
    for _ in range(room.services.settings.store_attempts):
        room.clock.forward(minutes=10)
        await worker.run_round()
    assert (await room.job(job_id)).status == "failed"
