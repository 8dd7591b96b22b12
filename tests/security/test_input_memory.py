"""Small requests that name large pictures: refused, loaded once, or waiting for each other's memory."""

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from models.ids import public_id
from models.queries.assets import insert_assets
from models.settings import Settings
from models.tables import assets
from tests.api.conftest import started
from tests.api.midjourney.stack import open_stack
from tests.api.service import ALICE, JOB, Service
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.images.drawing import draw
from tests.worker.leased import leased_job
from worker.tasks.input_images import image_request

PICTURE = draw("PNG", 64, 64)
DATA = base64.b64encode(PICTURE).decode()
TIMES = 16  # as often as a job may name pictures


def data_url() -> str:
    return f"data:image/png;base64,{DATA}"


async def upload(service: Service) -> str:
    """Return the asset of a picture."""
    answer = await service.post("/v1/jobs", json=JOB | {"images": [data_url()]})
    assert answer.status_code == 202
    async with service.services.database.reading() as connection:
        asset_id = await connection.scalar(select(assets.c.id))
    assert asset_id is not None
    return public_id("asset", asset_id)


@pytest.mark.parametrize(
    "limits", [{"input_bytes_limit": len(PICTURE) * 15}, {"input_pixels_limit": 64 * 64 * 15}]
)
async def test_one_asset_named_often_counts_as_often(
    plain_database_url: str, tmp_path: Path, limits: dict[str, Any]
) -> None:
    storage = (tmp_path / "pictures").as_uri()
    settings = Settings(
        database_url=plain_database_url,
        storage_url=storage,
        public_url="http://darkroom.test",
        api_keys=(SecretStr(ALICE),),
        **limits,
    )
    async with started(settings) as service:
        asset = await upload(service)
        fits = await service.post("/v1/jobs", json=JOB | {"images": [asset] * (TIMES - 1)})
        refused = await service.post("/v1/jobs", json=JOB | {"images": [asset] * TIMES})
        batch = {"jobs": [JOB, JOB | {"images": [data_url()] * TIMES}]}
        rejected = (await service.post("/v1/jobs", json=batch)).json()["rejected"]
    assert fits.status_code == 202
    (error,) = refused.json()["errors"]
    assert (refused.status_code, refused.json()["code"]) == (422, "input_images_too_large")
    assert error["field"] == "images"
    assert "DARKROOM_INPUT_" in error["message"]
    assert [each["index"] for each in rejected] == [1]


async def store_asset(darkroom: Darkroom, caller: Any) -> str:
    """Store a picture as an asset of the caller, and return its id."""
    image = await darkroom.services.asset_store.store_bytes(PICTURE)
    asset = image.as_asset(caller_id=caller, at=darkroom.clock())
    async with darkroom.services.database.writing() as connection:
        await insert_assets(connection, [asset])
    return public_id("asset", asset.id)


async def test_an_asset_is_loaded_once_however_often_it_is_named(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        caller, services = await darkroom.caller(), darkroom.services
        job = leased_job(
            caller_id=caller, request={"images": [await store_asset(darkroom, caller)] * TIMES, "params": {}}
        )
        async with services.memory.reservation() as memory:
            request = await image_request(services, job, services.routes["upstream"].preset, memory=memory)
            assert memory.size >= len(data_url()) * (3 * TIMES + 1)
    assert len({id(image) for image in request.images}) == 1
    assert request.images[0] == data_url()


async def test_the_worker_checks_the_sizes_again_before_it_loads_anything(
    plain_database_url: str, tmp_path: Path
) -> None:
    limits = {"input_bytes_limit": len(PICTURE) * 15}
    async with open_darkroom(plain_database_url, tmp_path, practice={}, **limits) as darkroom:
        worker, caller = await darkroom.worker(), await darkroom.caller()
        images = [await store_asset(darkroom, caller)] * TIMES
        job_id = await darkroom.submit(caller, request={"images": images, "params": {}})
        await worker.run_round()
        job = await darkroom.job(job_id)
    assert job.status == "failed"
    assert "DARKROOM_INPUT_BYTES_LIMIT" in job.error["message"]


async def test_jobs_that_need_more_than_the_budget_run_one_after_the_other(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, worker_memory=2**20) as darkroom:
        worker, caller = await darkroom.worker(), await darkroom.caller()
        images = [await store_asset(darkroom, caller)] * TIMES  # about 600 kB while a request is built
        jobs = [await darkroom.submit(caller, request={"images": images, "params": {}}) for _ in range(8)]
        for _ in range(4):
            await worker.run_round()
            darkroom.clock.forward(seconds=5)
        assert [(await darkroom.job(job)).status for job in jobs] == ["succeeded"] * 8
        assert darkroom.services.memory.used == 0


async def test_a_blend_beyond_the_limit_is_refused_and_stores_nothing(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, input_bytes_limit=len(PICTURE) * 2) as stack:
        envelope = await stack.submit("blend", base64Array=[DATA] * 3)
    assert (envelope["code"], envelope["result"]) == (4, None)
    assert "DARKROOM_INPUT_BYTES_LIMIT" in envelope["description"]
    assert not [*(tmp_path / "pictures").rglob("*.png")]
