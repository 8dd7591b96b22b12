"""Metadata and download of stored images."""

import pytest

from models.ids import public_id
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
