"""Fetching: what arrives, what is capped, what is refused, and what each failure is called."""

import asyncio
import gzip
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from models.errors import ImageError, StorageError
from tests.worker.download.downloads import LOOPBACK, PNG, responds, serve_downloader, streams
from tests.worker.download.hosts import Names
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client


async def test_a_small_picture_stays_in_memory_and_is_hashed(tmp_path: Path) -> None:
    async with serve_downloader(responds(content_type="application/octet-stream"), tmp_path) as host:
        fetched = await host.fetch()
    assert fetched.body == PNG
    assert fetched.sha256 == hashlib.sha256(PNG).hexdigest()
    assert fetched.size == len(PNG)
    assert fetched.content_type == "application/octet-stream"


@pytest.mark.parametrize("size", [100_000, 300_000, 1_048_576, 1_048_577, 3_000_000])
async def test_bodies_of_every_size_arrive_whole(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with serve_downloader(responds(content), tmp_path) as host:
        fetched = await host.fetch()
        if isinstance(fetched.body, Path):
            assert size > 1_048_576
            assert fetched.body.read_bytes() == content
            fetched.body.unlink()
        else:
            assert fetched.body == content
    assert (fetched.size, fetched.sha256) == (size, hashlib.sha256(content).hexdigest())


async def test_we_ask_like_a_browser_and_bring_no_secrets(tmp_path: Path) -> None:
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.Response(body=PNG, headers={"Set-Cookie": "a=b"})

    async with serve_downloader(answer, tmp_path) as host:
        for _ in range(2):
            await host.fetch("/a%2Fb%20c.png?Signature=a%2Bb%2F%3D&Expires=1&x=a+b#part")
    for request in seen:
        assert "Mozilla" in request.headers["User-Agent"]
        assert request.headers["Accept"].startswith("image/avif,image/webp,image/*")
        assert request.headers["Referer"] == host.origin + "/"
        assert request.headers["Accept-Encoding"] == "identity"
        assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(request.headers)
        assert request.query["Signature"] == "a+b/="
        assert request.rel_url.raw_path == "/a%2Fb%20c.png"


async def test_a_given_referer_is_sent(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=PNG if request.headers.get("Referer") == "https://a.example/" else b"<html>")

    async with serve_downloader(answer, tmp_path) as host:
        assert (await host.fetch(referer="https://a.example/")).body == PNG


async def test_a_refusal_is_answered_once_with_other_headers(tmp_path: Path) -> None:
    context: list[str | None] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        context.append(request.headers.get("Referer"))
        return web.Response(status=403, body=b"<html>") if len(context) == 1 else web.Response(body=PNG)

    async with serve_downloader(answer, tmp_path) as host:
        assert (await host.fetch()).body == PNG
    assert context == [host.origin + "/", None]


@pytest.mark.parametrize(
    ("body", "retryable"), [(b"<html>blocked", True), (b'{"detail":"denied"}', False), (b"", False)]
)
async def test_a_host_that_refuses_twice_is_left_alone(tmp_path: Path, body: bytes, retryable: bool) -> None:
    async with serve_downloader(responds(body, 403), tmp_path) as host:
        error = await host.refused()
    assert (error.code, error.retryable) == ("asset_forbidden", retryable)


@pytest.mark.parametrize("body", [b"<!doctype html>", b'{"error":1}', b"\xef\xbb\xbf \n<?xml?>"])
async def test_a_page_instead_of_a_picture_is_no_picture(tmp_path: Path, body: bytes) -> None:
    async with serve_downloader(responds(body, content_type="image/png"), tmp_path) as host:
        error = await host.refused()
    assert (error.code, error.retryable) == ("asset_not_image", True)


async def test_a_picture_under_a_false_name_is_a_picture(tmp_path: Path) -> None:
    async with serve_downloader(responds(content_type="text/html"), tmp_path) as host:
        assert (await host.fetch()).body == PNG


@pytest.mark.parametrize(("age", "retryable"), [(0, True), (59, True), (60, False)])
async def test_a_young_link_may_not_be_served_yet(tmp_path: Path, age: int, retryable: bool) -> None:
    async with serve_downloader(responds(b"", 404), tmp_path) as host:
        error = await host.refused(age=timedelta(seconds=age))
    assert (error.code, error.retryable) == ("asset_not_found", retryable)


async def test_a_busy_host_says_when_to_come_back(tmp_path: Path) -> None:
    async with serve_downloader(responds(b"", 503, retry_after="7"), tmp_path) as host:
        error = await host.refused()
    assert (error.code, error.retryable, error.retry_after) == ("asset_unreachable", True, 7.0)


async def test_an_announced_size_above_the_cap_is_not_even_read(tmp_path: Path) -> None:
    async with serve_downloader(streams(b"x", length=5_000), tmp_path, size=4_999) as host:
        error = await host.refused()
    assert (error.code, error.retryable) == ("asset_too_large", False)


async def test_a_body_above_the_cap_is_dropped_on_the_way(tmp_path: Path) -> None:
    endless = [bytes(100_000)] * 30
    async with serve_downloader(streams(*endless), tmp_path, size=2_000_000, memory=100_000) as host:
        assert (await host.refused()).code == "asset_too_large"


async def test_a_body_of_just_the_cap_is_fine(tmp_path: Path) -> None:
    async with serve_downloader(responds(bytes(5_000)), tmp_path, size=5_000) as host:
        assert (await host.fetch()).size == 5_000


async def test_a_body_shorter_than_announced_is_truncated(tmp_path: Path) -> None:
    async with serve_downloader(streams(PNG, length=len(PNG) + 1), tmp_path) as host:
        error = await host.refused()
    assert (error.code, error.retryable) == ("asset_truncated", True)


async def test_a_body_cut_off_after_it_went_to_a_file_leaves_no_file(tmp_path: Path) -> None:
    async with serve_downloader(streams(bytes(200_000), length=300_000), tmp_path, memory=50_000) as host:
        assert (await host.refused()).code == "asset_truncated"


async def test_an_unasked_compression_is_undone(tmp_path: Path) -> None:
    async with serve_downloader(responds(gzip.compress(PNG), content_encoding="gzip"), tmp_path) as host:
        assert (await host.fetch()).body == PNG


async def test_a_bomb_is_stopped_at_the_cap(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    async with serve_downloader(responds(bomb, content_encoding="gzip"), tmp_path, size=1_000_000) as host:
        assert (await host.refused()).code == "asset_too_large"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x"])
async def test_other_compressions_are_refused(tmp_path: Path, encoding: str) -> None:
    async with serve_downloader(responds(content_encoding=encoding), tmp_path) as host:
        assert (await host.refused()).code == "asset_not_image"


@pytest.mark.parametrize("body", [gzip.compress(PNG)[:-12], b"no gzip at all"])
async def test_a_damaged_compression_is_truncated(tmp_path: Path, body: bytes) -> None:
    async with serve_downloader(responds(body, content_encoding="gzip"), tmp_path) as host:
        error = await host.refused()
    assert (error.code, error.retryable) == ("asset_truncated", True)


async def test_a_host_that_stops_sending_times_out(tmp_path: Path) -> None:
    end = asyncio.Event()
    async with serve_downloader(
        streams(PNG[:50], hang=end), tmp_path, read=timedelta(milliseconds=50)
    ) as host:
        error = await host.refused()
        end.set()
    assert (error.code, error.retryable) == ("asset_timeout", True)


async def test_a_host_that_never_answers_times_out(tmp_path: Path) -> None:
    end = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await end.wait()
        return web.Response()

    async with serve_downloader(answer, tmp_path, read=timedelta(milliseconds=50)) as host:
        error = await host.refused()
        end.set()
    assert (error.code, error.retryable) == ("asset_timeout", True)


async def test_a_download_may_not_take_longer_than_all_in_all_allowed(tmp_path: Path) -> None:
    end = asyncio.Event()
    async with serve_downloader(
        streams(PNG[:50], hang=end), tmp_path, total=timedelta(milliseconds=50)
    ) as host:
        error = await host.refused()
        end.set()
    assert (error.code, error.retryable) == ("asset_timeout", True)


async def test_a_cancelled_download_leaves_no_file(tmp_path: Path) -> None:
    end, files = asyncio.Event(), []
    async with serve_downloader(streams(bytes(500_000), hang=end), tmp_path, memory=10_000) as host:
        task = asyncio.create_task(host.fetch())
        while not files:
            files = await asyncio.to_thread(lambda: list(tmp_path.glob("*.part")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        end.set()


async def test_a_closed_port_is_unreachable(tmp_path: Path) -> None:
    async with serve_downloader(responds(), tmp_path) as host:
        pass
    async with open_download_client(LOOPBACK, 1) as client:
        with pytest.raises(ImageError) as caught:
            await Downloader(client, allow=LOOPBACK).fetch(host.origin, into=tmp_path)
    assert (caught.value.code, caught.value.retryable) == ("asset_unreachable", True)


async def test_an_unknown_name_is_unreachable(tmp_path: Path) -> None:
    async with serve_downloader(responds(), tmp_path, names=Names()) as host:
        error = await host.refused("http://nowhere.example/a.png")
    assert (error.code, error.retryable) == ("asset_unreachable", True)


async def test_a_folder_that_fails_is_a_storage_error(tmp_path: Path) -> None:
    async with serve_downloader(responds(bytes(100_000)), tmp_path, memory=1_000) as host:
        with pytest.raises(StorageError, match="download"):
            await host.downloader.fetch(host.origin, into=tmp_path / "missing" / "folder")


async def test_a_folder_that_was_tidied_up_is_made_again(tmp_path: Path) -> None:
    async with serve_downloader(responds(bytes(100_000)), tmp_path, memory=1_000) as host:
        fetched = await host.downloader.fetch(host.origin, into=tmp_path / "missing")
    assert (fetched.body, fetched.size) == (next((tmp_path / "missing").iterdir()), 100_000)
