"""The task client sends the key only to the task URL, and never raises."""

import gzip

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from tests.worker.download.hosts import Answer, serve
from worker.upstream.polling import task_client
from worker.upstream.polling.task_client import TaskClient, TaskResponse
from worker.upstream.transport.connection import open_client, open_session


async def read(answer: Answer) -> TaskResponse | None:
    async with serve(answer) as origin, open_client(open_session(limit=2)) as http:
        return await TaskClient(http).read(f"{origin}/t", api_key="sk-1", headers={"X-Group": "a"})


async def test_the_key_and_the_headers_of_the_preset_are_sent() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer sk-1"
        assert request.headers["X-Group"] == "a"
        return web.json_response({"status": "queued"}, status=202, headers={"Retry-After": "3"})

    response = await read(answer)
    assert response is not None
    assert (response.status, response.headers["retry-after"], response.body) == (
        202,
        "3",
        b'{"status": "queued"}',
    )


async def test_a_redirect_is_not_followed_as_it_would_get_the_key() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    response = await read(answer)
    assert (response and response.status, seen) == (302, ["/t"])


async def test_a_compressed_answer_is_read() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})

    response = await read(answer)
    assert response is not None
    assert response.body == b"{}"


@pytest.mark.parametrize("encoding", ["br", "gzip"])
async def test_a_body_that_can_not_be_decoded_gives_none(encoding: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"what is this", headers={"Content-Encoding": encoding})

    assert await read(answer) is None


async def test_a_body_that_is_too_large_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_client, "MAX_BODY_BYTES", 1_000)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=bytes(2_000))

    assert await read(answer) is None


@pytest.mark.parametrize("path", ["", "\x00"])
async def test_a_provider_that_can_not_be_reached_gives_none(path: str) -> None:
    async with open_client(open_session(limit=1)) as http:
        url = f"http://127.0.0.1:{unused_port()}/{path}"
        assert await TaskClient(http).read(url, api_key="k", headers={}) is None


async def test_a_key_that_can_not_be_encoded_gives_none() -> None:
    async with httpx.AsyncClient() as http:
        assert await TaskClient(http).read("http://127.0.0.1:9/", api_key="ké\n", headers={}) is None
