"""Pictures: given and fetched."""

import base64
from pathlib import Path

import pytest

from models.ids import public_id
from tests.api.service import BOB, JOB, Service
from tests.worker.images.drawing import draw

CONTENT = bytes(range(256)) * 5000  # more than one chunk of a stream


async def test_a_picture_is_fetched_without_a_key_and_may_be_kept_for_ever(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.with_key(None).get(f"/assets/{asset['token']}/0.png")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["etag"] == f'"{asset["sha256"]}"'
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("byte_range", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000000-", 1_000_000, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        ("bytes=5-99999999999", 5, len(CONTENT)),
        ("bytes=-99999999999", 0, len(CONTENT)),
    ],
)
async def test_a_part_is_sent_when_it_is_asked_for(
    service: Service, byte_range: str, start: int, end: int
) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers={"Range": byte_range})

    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("byte_range", [f"bytes={len(CONTENT)}-", "bytes=99999999-999999999", "bytes=-0"])
async def test_a_part_that_is_not_there_is_refused(service: Service, byte_range: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers={"Range": byte_range})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "byte_range", ["bytes=5-4", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=a-b", "\xff"]
)
async def test_a_range_that_makes_no_sense_is_ignored(service: Service, byte_range: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(
        f"/assets/{asset['token']}/0.png", headers={"Range": byte_range.encode("latin-1")}
    )
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


async def test_a_part_of_another_version_is_not_mixed_in(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert (await service.get(f"/assets/{asset['token']}/0.png", headers=headers)).status_code == 200


async def test_who_has_a_picture_gets_304(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    headers = {"If-None-Match": f'W/"x", "{asset["sha256"]}"'}
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_and_preflight_send_no_picture(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    head = await service.request("HEAD", f"/assets/{asset['token']}/0.png")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    preflight = await service.request("OPTIONS", f"/assets/{asset['token']}/0.png")
    assert "Range" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize("name", ["1.png", "0.jpg", "0", "..%2f0.png", "%00"])
async def test_a_picture_has_one_name_only(service: Service, name: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    assert (await service.get(f"/assets/{asset['token']}/{name}")).status_code == 404
    assert (await service.get("/assets/%00%ff-unknown-token/0.png")).status_code == 404


async def test_a_picture_that_the_store_lost_is_not_there(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    await service.services.store.delete(asset["key"])
    assert (await service.get(f"/assets/{asset['token']}/0.png")).status_code == 404


async def test_a_pictures_description_is_its_callers_alone(service: Service) -> None:
    job = await service.submit()
    asset = public_id("asset", (await service.finish(job, CONTENT))["id"])

    shown = (await service.get(f"/v1/assets/{asset}")).json()
    assert (shown["bytes"], shown["job"], shown["object"]) == (len(CONTENT), job["id"], "asset")
    assert (await service.with_key(BOB).get(f"/v1/assets/{asset}")).status_code == 404
    assert (await service.get("/v1/assets/asset_01h455vb4pex5vsknk084sn02q")).status_code == 404


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


async def test_an_asset_may_be_an_input_of_its_caller_only(service: Service) -> None:
    asset = public_id("asset", (await service.finish(await service.submit(), CONTENT))["id"])
    body = JOB | {"images": [asset]}

    assert (await service.post("/v1/jobs", json=body)).status_code == 202
    foreign = await service.with_key(BOB).post("/v1/jobs", json=body)
    missing = await service.post("/v1/jobs", json=JOB | {"images": ["asset_01h455vb4pex5vsknk084sn02q"]})
    assert foreign.status_code == missing.status_code == 422
    assert foreign.json()["code"] == missing.json()["code"] == "input_image_not_found"
    assert foreign.json()["errors"][0]["field"] == "images.0"
