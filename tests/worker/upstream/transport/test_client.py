"""The client turns every behaviour of a provider into a reply."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.connector import Connection
from aiohttp.test_utils import TestServer, unused_port

from models.outcomes import Billed, Outcome
from models.request import ImageRequest
from worker.upstream.handles import Handles
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest, build_request
from worker.upstream.transport import client as client_module
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_session

GENERIC = preset_named("generic")
PICTURE = "https://cdn.example.com/a.png"
ANSWER = {"choices": [{"message": {"content": f"![a]({PICTURE})"}, "finish_reason": "stop"}]}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def provider(handler: Handler) -> AsyncIterator[str]:
    """Run a provider on the loopback that answers with ``handler``; yields its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


def request_to(base_url: str, preset: Preset = GENERIC) -> ProviderRequest:
    return build_request(ImageRequest("m", "a cat"), base_url=base_url, api_key="sk-secret", preset=preset)


async def call(handler: Handler, preset: Preset = GENERIC) -> Reply:
    async with provider(handler) as base_url, open_session(limit=4) as session:
        return await UpstreamClient(session).call(request_to(base_url, preset), preset)


def streaming(*chunks: bytes, cut: bool = False) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    return handler


async def test_a_good_answer_is_a_success() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer sk-secret"
        assert (await request.json())["messages"][0]["content"] == "a cat"
        return web.json_response(ANSWER, headers={"x-request-id": "req_1"})

    reply = await call(handler)
    assert reply.result.outcome is Outcome.SUCCESS
    assert reply.answer is not None
    assert reply.answer.images[0].url == PICTURE
    assert (reply.http_status, reply.request_id) == (200, "req_1")
    assert reply.raw.startswith(b'{"choices"')
    assert reply.elapsed > 0
    assert reply.first_chunk is None, "it did not stream"


async def test_progress_and_handles_are_reported_while_the_answer_streams() -> None:
    reported: list[int] = []
    known: list[Handles] = []
    chunks = [
        b'data: {"choices":[{"index":0,"delta":{"content":"> ID: `task_7`\\n> Progress 7.."}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":"36..36..20..100\\n"}}]}\n\n: PING\n\n',
        f'data: {{"choices":[{{"index":0,"delta":{{"content":"![a]({PICTURE})"}}}}]}}\n\n'.encode(),
        b"data: [DONE]\n\n",
    ]
    async with provider(streaming(*chunks)) as base_url, open_session(limit=4) as session:
        reply = await UpstreamClient(session).call(
            request_to(base_url), GENERIC, on_progress=reported.append, on_handle=known.append
        )
    assert reply.result.outcome is Outcome.SUCCESS
    assert reply.first_chunk is not None
    assert 0 <= reply.first_chunk <= reply.elapsed
    assert reported[-1] == 100
    assert reported == sorted(set(reported))
    assert known[0].task_id == "task_7"
    assert known[-1] == Handles(task_id="task_7", seen=PICTURE)


async def test_a_refused_connection_is_retried_for_free() -> None:
    async with open_session(limit=1) as session:
        reply = await UpstreamClient(session).call(request_to(f"http://127.0.0.1:{unused_port()}"), GENERIC)
    assert (reply.result.outcome, reply.result.code) == (Outcome.RETRY, "connect_error")
    assert reply.result.billed is Billed.NO
    assert reply.http_status is None


async def test_an_unknown_host_is_retried_for_free() -> None:
    async with open_session(limit=1) as session:
        reply = await UpstreamClient(session).call(request_to("http://nowhere.invalid/v1"), GENERIC)
    assert (reply.result.outcome, reply.result.code) == (Outcome.RETRY, "connect_error")


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        ("http://", "k"),
        ("gopher://x.example", "k"),
        ("http://x.example:99999", "k"),
        ("http://x.example", "钥匙\n"),
    ],
)
async def test_an_invalid_url_or_key_needs_a_person(base_url: str, key: str) -> None:
    request = build_request(ImageRequest("m", "a cat"), base_url=base_url, api_key=key, preset=GENERIC)
    async with open_session(limit=1) as session:
        reply = await UpstreamClient(session).call(request, GENERIC)
    assert (reply.result.outcome, reply.result.code) == (Outcome.NEEDS_HUMAN, "wrong_endpoint")


async def test_an_exception_in_a_callback_does_not_lose_a_charged_image() -> None:
    def fail(_: int) -> None:
        raise RuntimeError("a bug of the callback")

    content = f"> Progress 7..36..100\\n![a]({PICTURE})"
    chunk = f'data: {{"choices":[{{"index":0,"delta":{{"content":"{content}"}}}}]}}\n\n'.encode()
    async with provider(streaming(chunk)) as base_url, open_session(limit=4) as session:
        reply = await UpstreamClient(session).call(request_to(base_url), GENERIC, on_progress=fail)
    assert reply.result.outcome is Outcome.SUCCESS


async def test_cookies_are_not_stored() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert "Cookie" not in request.headers
        response = web.json_response(ANSWER)
        response.set_cookie("session", "1")
        return response

    async with provider(handler) as base_url, open_session(limit=4) as session:
        client = UpstreamClient(session)
        for _ in range(2):
            reply = await client.call(request_to(base_url), GENERIC)
            assert reply.result.outcome is Outcome.SUCCESS


async def test_a_connection_cut_before_the_answer_is_ambiguous() -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    reply = await call(handler)
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "connection_lost")


async def test_a_reused_connection_that_breaks_at_once_is_retried() -> None:
    calls = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        await request.read()
        if calls > 1 and request.transport is not None:
            request.transport.abort()
        return web.json_response(ANSWER)

    async with provider(handler) as base_url, open_session(limit=4) as session:
        client = UpstreamClient(session)
        await client.call(request_to(base_url), GENERIC)
        reply = await client.call(request_to(base_url), GENERIC)
    assert (reply.result.outcome, reply.result.code) == (Outcome.RETRY, "connect_error")
    assert reply.result.billed is Billed.LIKELY_NO


async def test_a_truncated_stream_is_ambiguous_and_keeps_its_handles() -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"> ID: `task_7`\\n> Progress 7..36"}}]}\n\n'
    reply = await call(streaming(chunk, cut=True))
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "stream_truncated")
    assert reply.answer is not None
    assert (reply.answer.task_id, reply.answer.progress) == ("task_7", (7,))


async def test_an_image_before_a_disconnect_is_a_success() -> None:
    chunk = f'data: {{"choices":[{{"index":0,"delta":{{"content":"![a]({PICTURE})"}}}}]}}\n\n'.encode()
    reply = await call(streaming(chunk, cut=True))
    assert reply.result.outcome is Outcome.SUCCESS
    assert reply.answer is not None
    assert reply.answer.incomplete_stream


def hanging(*chunks: bytes, every: float = 0.0) -> Handler:
    """Answer with ``chunks`` and then never end, or repeat the last chunk for ever."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        if chunks:
            await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        while every:
            await asyncio.sleep(every)
            await response.write(chunks[-1])
        await asyncio.Event().wait()
        return response

    return handler


SHORT = 0.5  # seconds; what is timed from the start includes the connection, which a busy machine delays
LONG = 20.0  # seconds that no busy machine takes for what ends at once
SILENT = replace(GENERIC, idle=LONG, silent=SHORT, total=LONG)


@pytest.mark.parametrize(
    ("handler", "preset"),
    [
        pytest.param(hanging(), replace(GENERIC, first_byte=SHORT), id="no byte at all"),
        pytest.param(
            hanging(), replace(GENERIC, stream="off", total=SHORT), id="no answer to a plain request"
        ),
        pytest.param(hanging(b"data: {}\n\n"), replace(GENERIC, idle=0.1), id="nothing more"),
        pytest.param(hanging(b""), replace(GENERIC, silent=SHORT), id="headers and nothing more"),
        pytest.param(hanging(b": PING\n\n", every=0.02), SILENT, id="comments only"),
        pytest.param(
            hanging(b'data: {"choices":[]}\n\n', every=0.02), replace(GENERIC, total=SHORT), id="too long"
        ),
    ],
)
async def test_each_timer_ends_a_call_as_ambiguous(handler: Handler, preset: Preset) -> None:
    reply = await call(handler, preset)
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "timeout")
    assert reply.elapsed < LONG


async def test_a_stream_that_says_it_is_done_need_not_end() -> None:
    chunk = f'data: {{"choices":[{{"index":0,"delta":{{"content":"![a]({PICTURE})"}}}}]}}\n\n'.encode()
    reply = await call(hanging(chunk + b"data: [DONE]\n\n"), replace(GENERIC, idle=LONG, total=2 * LONG))
    assert reply.result.outcome is Outcome.SUCCESS
    assert reply.elapsed < LONG


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    reply = await call(handler)
    assert paths == ["/v1/chat/completions"]
    assert (reply.result.outcome, reply.result.code) == (Outcome.NEEDS_HUMAN, "wrong_endpoint")


async def test_an_answer_that_is_too_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1000)
    reply = await call(streaming(b"data: " + b"a" * 5000 + b"\n\n"))
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "protocol_error")
    assert len(reply.raw) == 1000


def decompression_bomb() -> bytes:
    return gzip.compress(b"{" + b" " * 50_000_000 + b"}", compresslevel=1)


def no_gzip() -> bytes:
    return b"not gzip at all"


@pytest.mark.parametrize("make_body", [decompression_bomb, no_gzip])
async def test_a_decompression_bomb_is_rejected(
    make_body: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1_000_000)
    body = make_body()

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    reply = await call(handler)
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "protocol_error")
    assert len(reply.raw) <= 1_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_is_decoded_without_being_requested(encoding: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.json_response(ANSWER)
        response.enable_compression(web.ContentCoding(encoding))
        return response

    assert (await call(handler)).result.outcome is Outcome.SUCCESS


async def test_the_status_and_headers_of_an_error_decide() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    reply = await call(handler)
    assert (reply.result.outcome, reply.result.code) == (Outcome.RETRY, "rate_limited")
    assert reply.result.retry_after is not None
    assert reply.result.retry_after.total_seconds() == 7


async def test_cancellation_passes_through() -> None:
    async with provider(hanging()) as base_url, open_session(limit=4) as session:
        task = asyncio.create_task(UpstreamClient(session).call(request_to(base_url), GENERIC))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class FailingConnector(aiohttp.BaseConnector):
    """Connects to nothing: each request ends with the error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def connect(self, *_: object, **__: object) -> Connection:
        raise self._error


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (OSError("refused"), Outcome.RETRY, "connect_error"),
        (aiohttp.ConnectionTimeoutError("slow"), Outcome.RETRY, "connect_error"),
        (aiohttp.ServerDisconnectedError("gone"), Outcome.RETRY, "connect_error"),
        (RuntimeError("a fault in some library"), Outcome.RETRY, "connect_error"),
    ],
)
async def test_every_exception_before_the_call_was_sent_is_a_free_result(
    error: Exception, outcome: Outcome, code: str
) -> None:
    async with open_session(limit=1) as configured:
        traces = configured.trace_configs
    async with aiohttp.ClientSession(connector=FailingConnector(error), trace_configs=traces) as session:
        reply = await UpstreamClient(session).call(request_to("http://x.example"), GENERIC)
    assert (reply.result.outcome, reply.result.code) == (outcome, code)


async def test_a_fault_of_a_session_that_reports_nothing_leaves_it_open_whether_the_call_was_made() -> None:
    session = open_session(limit=1)
    await session.close()
    reply = await UpstreamClient(session).call(request_to("http://x.example"), GENERIC)
    assert (reply.result.outcome, reply.result.code) == (Outcome.AMBIGUOUS, "connection_lost")


async def test_headers_are_sent_as_they_were_and_recorded_in_any_encoding() -> None:
    async def handler(request: web.Request) -> web.Response:
        own = ["Host", "Accept", "Accept-Encoding", "Connection", "User-Agent", "Content-Length"]
        names = [name for name, _ in request.headers.items()]
        assert sorted(names) == sorted([*own, "Authorization", "Content-Type", "Idempotency-Key"])
        assert request.headers["User-Agent"] == "darkroom"
        response = web.json_response(ANSWER, headers={"X-Ratelimit-A": "1", "Server": "n\u00fcr"})
        response.headers.add("X-Ratelimit-A", "2")
        return response

    request = build_request(
        ImageRequest("m", "a cat"), base_url="", api_key="k", preset=GENERIC, idempotency_key="job-1"
    )
    async with provider(handler) as base_url, open_session(limit=1) as session:
        sent = replace(request, url=f"{base_url}/chat/completions")
        reply = await UpstreamClient(session).call(sent, GENERIC)
    assert (reply.headers["x-ratelimit-a"], reply.headers["server"]) == ("1, 2", "n\u00fcr")
