"""Input images: data URLs and assets."""

import base64
from collections.abc import Callable
from pathlib import Path

from models.ids import public_id
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import BOB, JOB, Service
from tests.worker.images.drawing import draw

CONTENT = b"an image"


async def test_a_data_url_becomes_an_asset_of_the_caller(service: Service, tmp_path: Path) -> None:
    picture = draw("PNG")
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    answer = await service.post("/v1/jobs", json=JOB | {"images": [url, "https://p.example/x.png"]})

    assert answer.status_code == 202
    async with service.services.database.reading() as connection:
        (stored,) = (await connection.exec_driver_sql("SELECT request FROM jobs")).scalars()
    assert "asset_" in str(stored)
    assert "base64" not in str(stored)
    assert [file.read_bytes() for file in (tmp_path / "pictures").rglob("*.png")] == [picture]


async def test_an_asset_can_be_an_input_image_of_its_caller_only(service: Service) -> None:
    asset = public_id("asset", (await service.finish(await service.submit(), CONTENT))["id"])
    body = JOB | {"images": [asset]}

    assert (await service.post("/v1/jobs", json=body)).status_code == 202
    foreign = await service.with_key(BOB).post("/v1/jobs", json=body)
    missing = await service.post("/v1/jobs", json=JOB | {"images": ["asset_01h455vb4pex5vsknk084sn02q"]})
    assert foreign.status_code == missing.status_code == 422
    assert foreign.json()["code"] == missing.json()["code"] == "input_image_not_found"
    assert foreign.json()["errors"][0]["field"] == "images.0"


async def test_an_input_image_over_the_limit_is_refused(make_settings: Callable[..., Settings]) -> None:
    image = draw("PNG")
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    async with started(make_settings(input_image_limit=len(image) - 1)) as service:
        refused = await service.post("/v1/jobs", json=JOB | {"images": [url]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "images.0")
    async with started(make_settings(input_image_limit=len(image))) as service:
        assert (await service.post("/v1/jobs", json=JOB | {"images": [url]})).status_code == 202
