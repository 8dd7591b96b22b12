"""What a link in an answer responds about a task: read like a picture's address, without a key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from models.errors import ImageError
from tests.worker.download.downloads import LOOPBACK, redirects, responds, streams
from tests.worker.download.hosts import Answer, Names, serve
from worker.download.documents import DocumentReader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.images.limits import Limits


@asynccontextmanager
async def reading(
    answer: Answer, *, allow: AllowList = LOOPBACK, names: Names | None = None, limits: Limits | None = None
) -> AsyncIterator[tuple[DocumentReader, str]]:
    async with serve(answer) as origin, open_download_client(allow, 5, resolver=names) as client:
        yield DocumentReader(client, allow=allow, limits=limits or Limits()), origin


async def refused(reader: DocumentReader, url: str) -> tuple[str, bool]:
    with pytest.raises(ImageError) as caught:
        await reader.read(url)
    return caught.value.code, caught.value.retryable


async def test_a_document_comes_with_its_status_and_headers() -> None:
    async with reading(responds(b"{}", 404, Retry_After="3")) as (reader, origin):
        said = await reader.read(origin)
    assert (said.status, said.headers["retry-after"], said.body) == (404, "3", b"{}")


async def test_no_key_and_no_cookie_is_sent() -> None:
    seen: list[set[str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append({name.lower() for name in request.headers})
        response = web.Response(text="{}")
        response.set_cookie("a", "b")
        return response

    async with reading(answer) as (reader, origin):
        await reader.read(origin)
        await reader.read(origin)
    assert all(not names & {"authorization", "cookie", "referer"} for names in seen)


@pytest.mark.parametrize("target", ["http://10.0.0.1/x", "http://inside.example/", "file:///etc/passwd"])
@pytest.mark.parametrize("hop", [0, 1])
async def test_no_hop_leads_inside(target: str, hop: int) -> None:
    names = Names(inside_example=[["10.0.0.1"]])
    async with reading(redirects(lambda _: target), names=names) as (reader, origin):
        assert await refused(reader, target if hop == 0 else origin) == ("asset_blocked_address", False)


async def test_a_document_may_neither_be_endless_nor_take_for_ever() -> None:
    async with reading(responds(bytes(2_000)), limits=Limits(size=1_000)) as (reader, origin):
        assert await refused(reader, origin) == ("asset_too_large", False)
    slow, hang = Limits(total=timedelta(milliseconds=50)), asyncio.Event()
    async with reading(streams(b"{", hang=hang), limits=slow) as (reader, origin):
        assert await refused(reader, origin) == ("asset_timeout", True)
        hang.set()


@pytest.mark.parametrize(
    "url",
    ["http://xn--/a", "http://a..b/", "http://\ud800.example/", "http://[::1", "http://a:99999/", "//a/", ""],
)
async def test_what_is_no_address_is_said_to_be_none(url: str) -> None:
    async with reading(responds(b"{}")) as (reader, _):
        assert (await refused(reader, url))[0] in ("asset_blocked_address", "asset_unreachable")


async def test_a_redirect_to_what_is_no_address_leads_nowhere() -> None:
    async with reading(redirects(lambda _: "http://xn--/a")) as (reader, origin):
        assert await refused(reader, origin) == ("asset_blocked_address", False)
