"""Asset store: images are stored whole, under their content key, from the first source that has them."""

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from models.errors import ImageError, StorageError
from tests.worker.download.hosts import serve
from tests.worker.images.drawing import draw
from worker.asset_store import AssetStore, StoredImage
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.images.limits import Limits
from worker.storage.store import Store, open_store

PNG, JPEG = draw("PNG"), draw("JPEG", 1200, 1200)
DIGEST = hashlib.sha256(PNG).hexdigest()
LOOPBACK = AllowList.parse(["127.0.0.1"])
ANSWERS = {
    "/a.png": (200, PNG),
    "/b.jpg": (200, JPEG),
    "/cut.png": (200, PNG[:-5]),
    "/page.png": (200, b"<html>"),
    "/text.png": (200, b"what is this"),
    "/expired.png": (403, b"<Message>Request has expired</Message>"),
    "/denied.png": (403, b'{"detail":"File stream access denied."}'),
    "/busy.png": (503, b""),
}


async def answer(request: web.Request) -> web.StreamResponse:
    status, body = ANSWERS.get(request.path, (404, b""))
    return web.Response(status=status, body=body)


@asynccontextmanager
async def keeping(store: Store, into: Path, **limits: int) -> AsyncIterator[tuple[AssetStore, str]]:
    caps = Limits(**limits)
    async with serve(answer) as origin, open_download_client(LOOPBACK, 10) as client:
        downloader = Downloader(client, allow=LOOPBACK, limits=caps)
        yield AssetStore(store, downloader, into=into, limits=caps), origin


@pytest.fixture
def store() -> Store:
    return open_store("memory://")


async def code_of(asset_store: AssetStore, *urls: str) -> tuple[str, bool]:
    with pytest.raises(ImageError) as caught:
        await asset_store.store_url(urls[0], urls[1:])
    return caught.value.code, caught.value.retryable


async def test_an_image_is_stored_from_its_url(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path) as (asset_store, origin):
        picture = await asset_store.store_url(f"{origin}/a.png")
    assert picture == StoredImage(
        key=f"{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}.png",
        sha256=DIGEST,
        content_type="image/png",
        extension="png",
        width=24,
        height=16,
        bytes=len(PNG),
        source_url=f"{origin}/a.png",
    )
    assert await store.get(picture.key) == PNG


async def test_a_large_picture_comes_by_way_of_a_file_that_is_gone_then(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path, memory=10_000) as (asset_store, origin):
        picture = await asset_store.store_url(f"{origin}/b.jpg")
    assert (picture.extension, picture.width, picture.bytes) == ("jpg", 1200, len(JPEG))
    assert await store.get(picture.key) == JPEG
    assert os.listdir(tmp_path) == []


async def test_alternates_are_tried_in_their_order(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path) as (asset_store, origin):
        bad = [f"{origin}/{name}.png" for name in ("expired", "denied", "page", "cut", "none")]
        picture = await asset_store.store_url(bad[0], [*bad, f"{origin}/a.png", f"{origin}/b.jpg"])
    assert picture.source_url == f"{origin}/a.png"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["expired"], ("asset_expired", False)),
        (["cut"], ("asset_truncated", True)),
        (["page"], ("asset_not_image", True)),
        (["text"], ("asset_not_image", False)),
        (["none"], ("asset_not_found", True)),
        (["expired", "denied"], ("asset_expired", False)),
        (["expired", "busy", "denied"], ("asset_unreachable", True)),
    ],
)
async def test_a_retryable_failure_of_any_url_is_the_one_raised(
    store: Store, tmp_path: Path, names: list[str], expected: tuple[str, bool]
) -> None:
    async with keeping(store, tmp_path) as (asset_store, origin):
        assert await code_of(asset_store, *(f"{origin}/{name}.png" for name in names)) == expected


async def test_a_refused_file_is_removed(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path, memory=10_000, pixels=1_000) as (asset_store, origin):
        assert await code_of(asset_store, f"{origin}/b.jpg") == ("asset_too_large", False)
    assert os.listdir(tmp_path) == []


async def test_a_failing_store_is_a_storage_error_and_no_alternate_is_fetched(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = open_store(f"file://{folder}")
    (folder / DIGEST[:2]).write_text("a file where a folder must be")
    async with keeping(store, tmp_path) as (asset_store, origin):
        with pytest.raises(StorageError, match="a file, not a folder"):
            await asset_store.store_url(f"{origin}/a.png", [f"{origin}/b.jpg"])


@pytest.mark.parametrize("data", [PNG, JPEG])
async def test_an_image_is_stored_from_its_base64_text(store: Store, tmp_path: Path, data: bytes) -> None:
    async with keeping(store, tmp_path) as (asset_store, _):
        picture = await asset_store.store_base64(base64.b64encode(data).decode())
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.source_url is None
    assert await store.get(picture.key) == data


@pytest.mark.parametrize("data", [PNG, JPEG])
async def test_an_image_given_as_bytes_is_stored_as_it_is(store: Store, tmp_path: Path, data: bytes) -> None:
    async with keeping(store, tmp_path) as (asset_store, _):
        picture = await asset_store.store_bytes(data)
        assert picture == await asset_store.store_base64(base64.b64encode(data))
        with pytest.raises(ImageError):
            await asset_store.store_bytes(data[:-20])
    assert await store.get(picture.key) == data


async def test_bringing_the_same_picture_twice_gives_the_same_key(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path) as (asset_store, origin):
        assert (await asset_store.store_base64(base64.b64encode(PNG))).key == (
            await asset_store.store_url(f"{origin}/a.png")
        ).key


async def test_an_inline_picture_that_is_cut_off_stays_cut_off(store: Store, tmp_path: Path) -> None:
    async with keeping(store, tmp_path) as (asset_store, _):
        with pytest.raises(ImageError) as caught:
            await asset_store.store_base64(base64.b64encode(PNG[:-20]))
    assert (caught.value.code, caught.value.retryable) == ("asset_truncated", False)
