"""Limits of the HTTP protocol, seen by clients that speak to a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.web.http_protocol import HttpLimits, LimitedHttpProtocol, OpenConnections

LIMITS = {"connections": 8, "connections_per_address": 8, "head_timeout": 0.2, "body_timeout": 0.2}
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class App:
    """Answers each request with the number of bytes of its body; ``seen`` counts the requests."""

    seen = 0
    ended_early = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen += 1
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended_early += 1
                return
            size, more = size + len(message["body"]), message["more_body"]
        body = str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def server(**limits: Any) -> AsyncIterator[tuple[int, App, OpenConnections]]:
    """Serve the app; yields its port, itself, and the connections."""
    app, opened = App(), OpenConnections(HttpLimits(**LIMITS | limits))
    config = uvicorn.Config(app, log_config=None)
    config.load()

    def protocol() -> LimitedHttpProtocol:
        return LimitedHttpProtocol(config=config, server_state=ServerState(), app_state={}, opened=opened)

    listening = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], app, opened


async def exchange(port: int, *parts: bytes) -> tuple[int, dict[str, Any] | str]:
    """Send the parts and read until the server closes. Returns the status and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return parsed(await reader.read())
    finally:
        writer.close()


def parsed(response: bytes) -> tuple[int, dict[str, Any] | str]:
    head, _, body = response.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1]) if head else 0
    return status, json.loads(body) if b"problem+json" in head else body.decode()


async def test_a_request_within_the_limits_is_served() -> None:
    async with server() as (port, app, _):
        request = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
        assert await exchange(port, request) == (200, "5")
        assert app.seen == 1


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET / HTTP/1.1\r\n", b"x: " + b"a" * 70_000),
        (b"GET / HTTP/1.1\r\n" + b"x: " + b"a" * 70_000 + b"\r\n\r\n",),
        (b"GET /" + b"a" * 70_000,),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",),
        (b"GET / HTTP/1.1\r\n", *[b"a: " + b"b" * 1000 + b"\r\n"] * 80),
    ],
    ids=["endless header", "whole large header", "endless URL", "many headers", "many large headers"],
)
async def test_large_heads_are_refused_before_the_application_sees_them(parts: tuple[bytes, ...]) -> None:
    async with server() as (port, app, _):
        status, problem = await exchange(port, *parts)
        assert status == 431
        assert isinstance(problem, dict)
        assert problem["code"] == "headers_too_large"
        assert "65,536 bytes and 100 headers" in problem["detail"]
        assert app.seen == 0


async def test_headers_that_do_not_end_are_refused_when_their_time_is_up() -> None:
    async with server() as (port, app, _):
        status, problem = await exchange(port, b"GET / HTTP/1.1\r\nx: a")
        assert status == 408
        assert isinstance(problem, dict)
        assert problem["code"] == "request_timeout"
        assert app.seen == 0


async def test_a_connection_without_any_byte_is_closed() -> None:
    async with server() as (port, _, _):
        assert await exchange(port) == (0, "")


async def test_a_body_that_does_not_end_is_refused_and_its_application_is_told() -> None:
    async with server() as (port, app, _):
        status, problem = await exchange(port, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe")
        assert status == 408
        assert isinstance(problem, dict)
        assert "16,384 bytes per second" in problem["detail"]
        assert (app.seen, app.ended_early) == (1, 1)


async def test_a_body_gets_the_time_that_its_size_takes_at_the_lowest_rate() -> None:
    async with server(body_timeout=0.01, body_rate=1) as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 105\r\n\r\n" + b"a" * 100)
        await asyncio.sleep(0.1)  # longer than the time without bytes
        writer.write(b"a" * 5)
        assert parsed(await reader.read()) == (200, "105")
        writer.close()


@pytest.mark.parametrize(
    "limits", [{"connections": 2}, {"connections_per_address": 2}], ids=["all", "address"]
)
async def test_connections_beyond_the_limit_are_refused_until_others_end(limits: dict[str, int]) -> None:
    async with server(head_timeout=30, **limits) as (port, app, opened):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        status, problem = await exchange(port)
        assert status == 503
        assert isinstance(problem, dict)
        assert problem["code"] == "too_many_connections"
        assert "DARKROOM_CONNECTIONS" in problem["detail"]
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        while opened.by_address:  # noqa: ASYNC110 - the server reports ends by no event
            await asyncio.sleep(0)  # until the server has seen the ends
        assert await exchange(port, GET.replace(b"Host", b"Connection: close\r\nHost")) == (200, "0")
        assert app.seen == 1


async def test_each_request_of_a_connection_has_limits_of_its_own() -> None:
    large = b"GET / HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n"
    async with server() as (port, app, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(large)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == b"0"
        writer.write(GET[:10])
        assert parsed(await reader.read())[0] == 408
        assert app.seen == 3
        writer.close()
