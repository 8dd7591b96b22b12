"""What a client reads that sends its whole body before it looks for an answer, as most simple ones do."""

import asyncio
import http.client
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from api.server import listen
from api.web.middleware import RequestMiddleware

LIMIT = 100


async def early(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    await PlainTextResponse("no", 401)(scope, receive, send)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer once the body has come."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("yes")(scope, receive, send)


class Wire:
    """The server's side of one request; ``events`` says what happened in which order."""

    def __init__(self, pieces: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._pieces, self.headers = list(pieces), list(headers)
        self.events: list[str] = []
        self.status, self.answered = 0, dict[bytes, bytes]()

    async def receive(self) -> Message:
        if not self._pieces:
            self.events.append("silence")
            await asyncio.Event().wait()
        piece = self._pieces.pop(0)
        self.events.append("piece")
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.events.append("answer")
            self.status, self.answered = message["status"], dict(message["headers"])


async def asked(
    app: Any, pieces: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]] = (), **options: Any
) -> Wire:
    """Send one request through the front door."""
    wire = Wire(pieces, headers)
    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": wire.headers}
    await RequestMiddleware(app, body_limit=LIMIT, **options)(scope, wire.receive, wire.send)
    return wire


def length(pieces: Iterable[bytes]) -> tuple[bytes, bytes]:
    return (b"content-length", str(sum(map(len, pieces))).encode())


CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize("told", [True, False])
async def test_an_early_answer_waits_until_the_client_has_sent_its_body(told: bool) -> None:
    pieces = [b" " * 30] * 3
    wire = await asked(early, pieces, [length(pieces) if told else CHUNKED])

    assert wire.events == ["piece", "piece", "piece", "answer"]
    assert (wire.status, b"connection" in wire.answered) == (401, False)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("app", [early, reading])
async def test_a_body_over_the_limit_is_read_to_its_end_before_it_is_refused(app: Any, told: bool) -> None:
    pieces = [b" " * 30] * 8
    wire = await asked(app, pieces, [length(pieces) if told else CHUNKED])

    assert wire.events == ["piece"] * 8 + ["answer"]
    assert wire.status == (401 if app is early and not told else 413)


async def test_a_body_without_end_is_read_up_to_a_bound_and_the_connection_ends() -> None:
    wire = await asked(reading, [b" " * 30] * 1000, [CHUNKED])

    assert wire.status == 413
    assert wire.events.count("piece") < 30
    assert wire.answered[b"connection"] == b"close"


async def test_a_body_far_over_the_limit_is_not_read_at_all() -> None:
    pieces = [b" " * 30] * 1000
    wire = await asked(reading, pieces, [length(pieces)])

    assert (wire.events, wire.answered[b"connection"]) == (["answer"], b"close")


async def test_a_client_that_asks_before_it_sends_its_body_is_answered_at_once() -> None:
    headers = [length([b" " * 300]), (b"expect", b"100-continue")]
    wire = await asked(reading, [b" " * 300], headers)

    assert (wire.status, wire.events, wire.answered[b"connection"]) == (413, ["answer"], b"close")


async def test_a_client_that_stops_sending_is_answered_all_the_same() -> None:
    wire = Wire([], [length([b" " * 50])])
    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": wire.headers}
    await RequestMiddleware(early, body_limit=LIMIT, drain_timeout=0.01)(scope, wire.receive, wire.send)

    assert (wire.events, wire.answered[b"connection"]) == (["silence", "answer"], b"close")


async def test_a_request_without_a_body_is_not_waited_for() -> None:
    for headers in ([], [(b"content-length", b"0")]):
        wire = await asked(early, [], headers)
        assert (wire.events, b"connection" in wire.answered) == (["answer"], False)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an app on a socket, as ``darkroom serve`` does."""
    listener = listen("127.0.0.1", 0)  # whoever connects waits until it is served
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def posted(url: str, body: bytes) -> int:
    """Send a whole body and then look for the answer, on a connection for this once, as urllib does."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("POST", "/x", body, {"Connection": "close"})
        return connection.getresponse().status


async def test_a_simple_client_reads_the_answer_to_megabytes_that_nobody_wants() -> None:
    body = b" " * (8 * 2**20)
    async with served(RequestMiddleware(early, body_limit=2**26)) as url:
        assert await asyncio.to_thread(posted, url, body) == 401
    async with served(RequestMiddleware(reading, body_limit=2**22)) as url:
        assert await asyncio.to_thread(posted, url, body) == 413
