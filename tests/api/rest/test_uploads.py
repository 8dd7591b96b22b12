"""Uploads of input images: as a form or as bytes, checked, and stored once."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import BOB, JOB, Service
from tests.worker.images.drawing import draw

PICTURE = draw("PNG")


async def test_an_upload_can_be_named_in_many_jobs(service: Service, tmp_path: Path) -> None:
    answer = await service.post("/v1/uploads", files={"file": ("cat.png", PICTURE, "image/png")})
    asset = answer.json()
    assert answer.status_code == 201, answer.text
    assert (asset["object"], asset["sha256"], asset["bytes"]) == (
        "asset",
        sha256(PICTURE).hexdigest(),
        len(PICTURE),
    )
    assert asset["width"] > 0
    assert answer.headers["location"].endswith(asset["id"])
    assert (await service.client.get(asset["url"])).content == PICTURE

    jobs = [await service.submit(images=[asset["id"]]) for _ in range(2)]
    assert [job["images"] for job in jobs] == [[asset["id"]]] * 2
    assert [each.read_bytes() for each in (tmp_path / "pictures").rglob("*.png")] == [PICTURE]


async def test_the_same_bytes_are_the_same_asset_of_one_caller(service: Service) -> None:
    first = await service.post("/v1/uploads", content=PICTURE, headers={"Content-Type": "image/png"})
    again = await service.post("/v1/uploads", files={"file": PICTURE})
    bob = await service.with_key(BOB).post("/v1/uploads", content=PICTURE)
    assert [each.status_code for each in (first, again, bob)] == [201, 200, 201]
    assert first.json() == again.json()
    assert bob.json()["id"] != first.json()["id"]
    refused = await service.post("/v1/jobs", json=JOB | {"images": [bob.json()["id"]]})
    assert refused.json()["code"] == "input_image_not_found"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"content": b""}, 422, "body"),
        ({"content": b"no picture at all"}, 422, "body"),
        ({"content": PICTURE[:-20]}, 422, "body"),
        ({"files": {"picture": PICTURE}}, 422, "file"),
        ({"files": {"file": b"no picture"}}, 422, "file"),
        ({"files": [("file", PICTURE), ("file", PICTURE)]}, 400, None),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, None),
        ({"content": PICTURE, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, None),
    ],
)
async def test_what_is_no_picture_is_refused_by_field(
    service: Service, body: dict[str, object], status: int, field: str | None
) -> None:
    answer = await service.post("/v1/uploads", **body)
    assert answer.status_code == status, answer.text
    assert [each["field"] for each in answer.json()["errors"]] == ([field] if field else [])


async def test_an_upload_above_the_limit_of_input_images_is_refused(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    async with started(make_settings(input_image_limit=len(PICTURE) - 1)) as service:
        for body in ({"content": PICTURE}, {"files": {"file": PICTURE}}):
            answer = await service.post("/v1/uploads", **body)
            assert (answer.status_code, answer.json()["code"]) == (422, "input_image_invalid")
            assert "larger than" in answer.json()["detail"]
    assert not list((tmp_path / "pictures").rglob("*.png"))
