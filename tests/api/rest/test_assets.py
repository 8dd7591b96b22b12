"""Metadata and download of stored images."""

import pytest
from sqlalchemy import update

from models.ids import public_id
from models.operations.thumbnail_keys import thumbnail_key
from models.tables import assets
from tests.api.service import BOB, Service

CONTENT = bytes(range(256)) * 5000  # more than one chunk of a stream


async def test_an_image_is_downloaded_without_a_key_and_cached_for_ever(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.with_key(None).get(f"/assets/{asset['token']}/0.png")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["etag"] == f'"{asset["sha256"]}"'
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


async def test_head_and_preflight_send_no_content(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    head = await service.request("HEAD", f"/assets/{asset['token']}/0.png")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    preflight = await service.request("OPTIONS", f"/assets/{asset['token']}/0.png")
    assert "Range" in preflight.headers["access-control-allow-headers"]


@pytest.mark.parametrize("name", ["1.png", "0.jpg", "0", "..%2f0.png", "%00"])
async def test_an_image_has_one_name_only(service: Service, name: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    assert (await service.get(f"/assets/{asset['token']}/{name}")).status_code == 404
    assert (await service.get("/assets/%00%ff-unknown-token/0.png")).status_code == 404


async def test_the_metadata_of_an_image_is_visible_to_its_caller_only(service: Service) -> None:
    job = await service.submit()
    asset = public_id("asset", (await service.finish(job, CONTENT))["id"])

    shown = (await service.get(f"/v1/assets/{asset}")).json()
    assert (shown["bytes"], shown["job"], shown["object"]) == (len(CONTENT), job["id"], "asset")
    assert (await service.with_key(BOB).get(f"/v1/assets/{asset}")).status_code == 404
    assert (await service.get("/v1/assets/asset_01h455vb4pex5vsknk084sn02q")).status_code == 404


async def test_a_thumbnail_is_served_like_its_image_and_has_an_etag_of_its_own(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    small = b"RIFF a thumbnail"
    await service.services.store.put(thumbnail_key(asset["key"], 320), small, content_type="image/webp")
    async with service.services.database.writing() as connection:
        made = {"320": [320, 213, len(small)]}
        await connection.execute(update(assets).where(assets.c.id == asset["id"]).values(thumbnails=made))
    path = f"/assets/{asset['token']}/0-320.webp"
    answer = await service.with_key(None).get(path)
    image = await service.with_key(None).get(f"/assets/{asset['token']}/0.png")
    assert (answer.status_code, answer.content) == (200, small)
    assert (answer.headers["content-type"], answer.headers["etag"] != image.headers["etag"]) == (
        "image/webp",
        True,
    )
    for name in (
        *("cache-control", "x-content-type-options", "content-security-policy"),
        *("access-control-allow-origin", "cross-origin-resource-policy"),
    ):
        assert answer.headers[name] == image.headers[name]
    part = await service.get(path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    for wrong in ("0-960.webp", "1-320.webp", "0-320.png", "0-0320.webp"):
        assert (await service.get(f"/assets/{asset['token']}/{wrong}")).status_code == 404
