"""Servers that violate HTTP: each call ends within its timeouts, with a result."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from models.outcomes import Billed, Outcome
from models.request import ImageRequest
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.request import build_request
from worker.upstream.transport import client as client_module
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_session

pytestmark = pytest.mark.slow(reason="bodies are large or never end")

HASTY = replace(preset_named("generic"), first_byte=0.3, idle=0.3, silent=0.3, total=0.5)
OK = b"HTTP/1.1 200 OK\r\n"
STREAM = OK + b"Content-Type: text/event-stream\r\n\r\n"
DELTA = b'data: {"choices":[{"index":0,"delta":{"content":"> Progress 7..36.."}}]}\n\n'
PICTURE = b'data: {"choices":[{"index":0,"delta":{"content":"![a](https://h.co/x.png)"}}]}\n\n'


@asynccontextmanager
async def server(
    *sent: bytes, again: bytes = b"", every: float = 0.0, hang: bool = False
) -> AsyncIterator[str]:
    """Serve ``sent`` to each client, then repeat ``again`` forever, or hang, or close."""
    ended, callers = asyncio.Event(), set[asyncio.Task[None]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.writelines(sent)
            while again and not ended.is_set():
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(every)
            if hang:
                await ended.wait()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.add(asyncio.create_task(answer(reader, writer)))

    running = await asyncio.start_server(accept, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/v1"
    finally:
        ended.set()
        running.close()
        await asyncio.gather(*callers)


async def seconds_of_a_timer(seconds: float) -> float:
    """Return how long a timer of so many seconds takes in this loop."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(seconds)
    return loop.time() - began


async def call(
    base_url: str, preset: Preset = HASTY, on_progress: Callable[[int], None] | None = None
) -> Reply:
    request = build_request(ImageRequest("m", "a cat"), base_url=base_url, api_key="k", preset=preset)
    async with open_session(limit=2) as session:
        return await UpstreamClient(session).call(request, preset, on_progress=on_progress)


@pytest.mark.parametrize(
    ("sent", "again"),
    [
        pytest.param(STREAM, b": PING\n\n", id="comments"),
        pytest.param(STREAM, b"\n", id="empty lines"),
        pytest.param(STREAM, b"data: 1\n\n", id="numbers"),
        pytest.param(STREAM + b"data: ", b"A", id="a line that never ends"),
        pytest.param(STREAM, DELTA, id="deltas"),
        pytest.param(OK + b"\r\n", b" ", id="white space before a body"),
        pytest.param(OK + b"\r\n{", b" ", id="white space in a body"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nA\r\n", id="chunks of one byte"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="promises to continue"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", id="hints"),
        pytest.param(OK, b"X-More: header\r\n", id="headers"),
        pytest.param(b"", b"H", id="a status line that never ends"),
    ],
)
@pytest.mark.parametrize("every", [0.0, 0.02], ids=["at full speed", "drop by drop"])
async def test_a_server_that_never_ends_is_abandoned(sent: bytes, again: bytes, every: float) -> None:
    async with server(sent, again=again * (1 if every else 500), every=every) as base_url:
        timer = asyncio.create_task(seconds_of_a_timer(HASTY.total))
        async with asyncio.timeout(30):  # a call that is not abandoned never returns
            reply = await call(base_url)
        late = await timer - HASTY.total  # by how much this loop, which serves the flood too, is late
    assert reply.result.outcome is Outcome.AMBIGUOUS
    assert reply.result.code in ("timeout", "connection_lost")
    assert reply.elapsed < 3 + late


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="another protocol"),
        pytest.param(bytes(range(256)) * 400, id="bytes"),
        pytest.param(b"HTTP/1.1 200", id="half a status line"),
        pytest.param(b"HTTP/9.9 abc\r\n\r\n", id="no status"),
        pytest.param(OK + b"X-Long: " + b"a" * 2_000_000 + b"\r\n\r\n{}", id="a header of megabytes"),
        pytest.param(OK + b"X-More: a\r\n" * 200_000 + b"\r\n{}", id="headers of megabytes"),
        pytest.param(OK + b"Content-Length: -5\r\n\r\n{}", id="a negative length"),
        pytest.param(OK + b"Content-Length: 99\r\n\r\n{", id="too short"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", id="a chunk without a size"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", id="half a chunk"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{", id="a vast chunk"),
        pytest.param(OK + b"Content-Encoding: br\r\n\r\nabc", id="brotli"),
        pytest.param(OK + b"Content-Encoding: zstd\r\n\r\nabc", id="zstandard"),
        pytest.param(
            OK + b"Content-Encoding: gzip, gzip\r\n\r\n" + gzip.compress(gzip.compress(b"{}")), id="twice"
        ),
        pytest.param(
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}" * 99)[:20], id="half of gzip"
        ),
    ],
)
async def test_an_invalid_answer_may_have_been_charged(sent: bytes) -> None:
    async with server(sent) as base_url:
        reply = await call(base_url)
    assert reply.result.outcome is Outcome.AMBIGUOUS
    assert reply.result.code in ("connection_lost", "protocol_error", "stream_truncated", "timeout")
    assert reply.result.billed is not Billed.NO


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    sent = b"HTTP/1.1 %d Go\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n" % status
    async with server(sent) as base_url:
        reply = await call(base_url)
    assert (reply.http_status, reply.result.code) == (status, "wrong_endpoint")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(STREAM + PICTURE + b": " + b"x" * 2_000_000, id="a comment of megabytes"),
        pytest.param(STREAM + PICTURE + b"data: " + b"\x00" * 2_000_000, id="zeros"),
    ],
)
async def test_an_image_before_a_flood_of_bytes_counts(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1_000_000)
    async with server(sent, hang=True) as base_url:
        reply = await call(base_url)
    assert reply.result.outcome is Outcome.SUCCESS
    assert len(reply.raw) <= 1_000_000


@pytest.mark.parametrize("filling", [b" ", b"A", b'{"a":1}', b"\n", b"data: 1\n\n"])
async def test_a_decompression_bomb_is_cut_off(filling: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1_000_000)
    bomb = gzip.compress(b"{" + filling * (20_000_000 // len(filling)))
    patient = replace(HASTY, total=90.0, idle=90.0, silent=90.0)
    async with server(OK + b"Content-Encoding: gzip\r\n\r\n" + bomb) as base_url:
        reply = await call(base_url, patient)
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "protocol_error")
    assert len(reply.raw) + sum(map(len, reply.blobs.values())) <= 1_000_000


async def test_comments_do_not_extend_the_total_and_progress_is_reported_once() -> None:
    reported: list[int] = []
    patient = replace(HASTY, idle=9.0, silent=9.0, total=0.4)
    async with server(STREAM, DELTA, DELTA, again=b": PING\n\n", every=0.02) as base_url:
        reply = await call(base_url, patient, reported.append)
    assert reply.result.code == "timeout"
    assert reported == [36]


async def test_a_slowly_growing_line_is_not_silence() -> None:
    """A picture in one line takes as long as it takes, as long as it is coming."""
    patient = replace(HASTY, idle=9.0, silent=0.15, total=0.6)
    async with server(STREAM + b"data: {", again=b" " * 10, every=0.02) as base_url:
        reply = await call(base_url, patient)
    assert reply.result.code == "timeout"
    assert reply.elapsed > 0.5
