"""A downloader and a local image host, shared by the tests of downloads."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from models.errors import ImageError
from tests.worker.download.hosts import Answer, Names, serve
from tests.worker.images.drawing import draw
from worker.download.downloader import Downloader, Fetched
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.images.limits import Limits

LOOPBACK = AllowList.parse(["127.0.0.0/8"])
PNG = draw("PNG")


class HostedDownloader:
    """A local host, and a downloader that fetches from it."""

    def __init__(self, origin: str, downloader: Downloader, into: Path) -> None:
        self.origin, self.downloader, self.into = origin, downloader, into

    async def fetch(self, path: str = "/a.png", **how: Any) -> Fetched:
        url = path if "://" in path else self.origin + path
        return await self.downloader.fetch(url, into=self.into, **how)

    async def refused(self, path: str = "/a.png", **how: Any) -> ImageError:
        with pytest.raises(ImageError) as caught:
            await self.fetch(path, **how)
        return caught.value


@asynccontextmanager
async def serve_downloader(
    answer: Answer,
    into: Path,
    *,
    allow: AllowList = LOOPBACK,
    names: Names | None = None,
    **limits: Any,
) -> AsyncIterator[HostedDownloader]:
    async with serve(answer) as origin, open_download_client(allow, 10, resolver=names) as client:
        yield HostedDownloader(origin, Downloader(client, allow=allow, limits=Limits(**limits)), into)
    assert [name for name in os.listdir(into) if name.endswith(".part")] == []


def responds(body: bytes = PNG, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=body, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    return answer


def streams(*pieces: bytes, length: int | None = None, hang: asyncio.Event | None = None) -> Answer:
    """Stream pieces; a ``length`` that is not theirs ends the connection early."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = length
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if hang is not None:
            await hang.wait()
        if request.transport is not None:
            request.transport.close()
        return response

    return answer


def redirects(location: Callable[[web.Request], str | None], status: int = 302) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        target = location(request)
        if target is None:
            return web.Response(body=PNG)
        return web.Response(status=status, headers={"Location": target} if target else {})

    return answer
