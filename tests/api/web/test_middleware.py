"""Body limit and draining, as seen by clients that send the whole body before they read a response."""

import asyncio
import http.client
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.server import listen
from api.web.middleware import RequestMiddleware

LIMIT = 100


async def early(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond without reading the body."""
    await PlainTextResponse("no", 401)(scope, receive, send)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond once the body is complete."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("yes")(scope, receive, send)


class Wire:
    """Server side of one request; ``events`` lists what happened, in order."""

    def __init__(self, parts: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._parts, self.headers = list(parts), list(headers)
        self.events: list[str] = []
        self.status, self.answered = 0, dict[bytes, bytes]()

    async def receive(self) -> Message:
        if not self._parts:
            self.events.append("silence")
            await asyncio.Event().wait()
        part = self._parts.pop(0)
        self.events.append("part")
        return {"type": "http.request", "body": part, "more_body": bool(self._parts)}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.events.append("answer")
            self.status, self.answered = message["status"], dict(message["headers"])


async def request(
    app: Any, parts: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]] = (), **options: Any
) -> Wire:
    """Send one request through the middleware."""
    wire = Wire(parts, headers)
    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": wire.headers}
    await RequestMiddleware(app, body_limit=LIMIT, **options)(scope, wire.receive, wire.send)
    return wire


def length(parts: Iterable[bytes]) -> tuple[bytes, bytes]:
    return (b"content-length", str(sum(map(len, parts))).encode())


CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize("declared", [True, False])
async def test_an_early_response_waits_until_the_client_has_sent_its_body(declared: bool) -> None:
    parts = [b" " * 30] * 3
    wire = await request(early, parts, [length(parts) if declared else CHUNKED])

    assert wire.events == ["part", "part", "part", "answer"]
    assert (wire.status, b"connection" in wire.answered) == (401, False)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("app", [early, reading])
async def test_a_body_over_the_limit_is_read_to_its_end_and_then_refused(app: Any, declared: bool) -> None:
    parts = [b" " * 30] * 8
    wire = await request(app, parts, [length(parts) if declared else CHUNKED])

    assert wire.events == ["part"] * 8 + ["answer"]
    assert wire.status == (401 if app is early and not declared else 413)


async def test_an_endless_body_is_read_up_to_a_bound_and_the_connection_closes() -> None:
    wire = await request(reading, [b" " * 30] * 1000, [CHUNKED])

    assert wire.status == 413
    assert wire.events.count("part") < 30
    assert wire.answered[b"connection"] == b"close"


async def test_a_body_far_over_the_limit_is_not_read_at_all() -> None:
    parts = [b" " * 30] * 1000
    wire = await request(reading, parts, [length(parts)])

    assert (wire.events, wire.answered[b"connection"]) == (["answer"], b"close")


async def test_a_client_that_expects_100_continue_is_answered_at_once() -> None:
    headers = [length([b" " * 300]), (b"expect", b"100-continue")]
    wire = await request(reading, [b" " * 300], headers)

    assert (wire.status, wire.events, wire.answered[b"connection"]) == (413, ["answer"], b"close")


async def test_a_client_that_stops_sending_gets_a_response() -> None:
    wire = Wire([], [length([b" " * 50])])
    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": wire.headers}
    await RequestMiddleware(early, body_limit=LIMIT, drain_timeout=0.01)(scope, wire.receive, wire.send)

    assert (wire.events, wire.answered[b"connection"]) == (["silence", "answer"], b"close")


async def test_a_request_without_a_body_is_answered_at_once() -> None:
    for headers in ([], [(b"content-length", b"0")]):
        wire = await request(early, [], headers)
        assert (wire.events, b"connection" in wire.answered) == (["answer"], False)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an app on a socket, as ``darkroom serve`` does."""
    listener = listen("127.0.0.1", 0)  # connections wait until it is served
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def posted(url: str, body: bytes) -> int:
    """Send a whole body, then read the response, on a connection of its own, as urllib does."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("POST", "/x", body, {"Connection": "close"})
        return connection.getresponse().status


async def test_a_simple_client_reads_the_response_to_a_large_unread_body() -> None:
    body = b" " * (8 * 2**20)
    async with served(RequestMiddleware(early, body_limit=2**26)) as url:
        assert await asyncio.to_thread(posted, url, body) == 401
    async with served(RequestMiddleware(reading, body_limit=2**22)) as url:
        assert await asyncio.to_thread(posted, url, body) == 413


async def test_a_client_that_goes_away_while_it_sends_is_no_failure() -> None:
    async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    wire = Wire([], [])
    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
    with capture_logs() as logs:
        await RequestMiddleware(read_all, body_limit=LIMIT)(scope, leave, wire.send)
    assert (wire.status, logs) == (0, [])


async def test_an_error_is_logged_without_the_token_of_its_address() -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("broken")

    transport = httpx.ASGITransport(RequestMiddleware(fail, body_limit=100))
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://darkroom.test") as client:
            answer = await client.get("/v1/jobs", params={"token": "dkt_secret"})
    assert answer.status_code == 500
    assert logs
    assert "dkt_secret" not in str(logs)


async def test_a_request_of_another_key_or_address_begins_before_the_many_of_one() -> None:
    begun: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await PlainTextResponse("ok")(scope, receive, send)

    middleware = RequestMiddleware(app, body_limit=1000)

    async def request(path: str, *headers: tuple[bytes, bytes], address: str = "10.0.0.1") -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            pass

        scope = {"type": "http", "method": "GET", "path": path, "headers": list(headers)}
        await middleware({**scope, "client": (address, 1)}, receive, send)

    many = [request("/many", (b"authorization", b"Bearer a")) for _ in range(100)]
    others = [
        request("/other", (b"authorization", b"Bearer b")),
        request("/midjourney", (b"mj-api-secret", b"c")),
        request("/address", address="10.0.0.2"),
    ]
    await asyncio.gather(*many, *others)
    assert max(begun.index(path) for path in ("/other", "/midjourney", "/address")) < 20
