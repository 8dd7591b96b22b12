"""Provider client: the only place that calls a provider; every failure becomes a ``Reply``."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from worker.upstream.errors.classify import classify
from worker.upstream.errors.own_text import OwnText
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest
from worker.upstream.response_headers import REQUEST_IDS, request_id_of
from worker.upstream.transport.connection import USER_AGENT, ConnectionTrace, failure_of
from worker.upstream.transport.content_encoding import DecodingError, decoder_for
from worker.upstream.transport.secret_filter import HIDDEN, SecretFilter, secret_filter
from worker.upstream.transport_errors import TransportFailure

LARGEST_ANSWER = 64 * 1024 * 1024  #: bytes, decoded
_CHUNK = 16 * 1024  #: bytes read at once
_BLOCK = 1024 * 1024  #: bytes of an answer for which memory is reserved at once
_COPIES = 2  #: of an answer: as it came, and its images decoded
_THREAD_FROM = 256 * 1024  #: bytes; longer answers are parsed in a thread, not on the event loop
_MAX_HEADERS = 64  #: recorded per reply
_AFTER_DONE = 1.0  #: seconds to wait for the end of a stream after its end mark
_RECORDED_HEADERS = frozenset(
    {
        *REQUEST_IDS,
        *("content-type", "content-length", "date", "server", "location", "cf-mitigated"),
        *("retry-after", "retry-after-ms", "x-should-retry", "ratelimit", "ratelimit-policy"),
        "openai-processing-ms",
    }
)


@dataclass(slots=True)
class _Call:
    """State of one call in flight."""

    reader: AnswerReader
    preset: Preset
    on_progress: Callable[[int], None] | None
    on_handle: Callable[[Handles], None] | None
    on_partial: Callable[[bytes], None] | None
    started: float
    secrets: SecretFilter
    own: OwnText
    reserve: Callable[[int], Awaitable[None]] | None = None
    reserved: int = _BLOCK // 4  # bytes of the answer; this much is in every call
    trace: ConnectionTrace = field(default_factory=ConnectionTrace)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0
    reported_progress: int = -1
    reported_handles: Handles = field(default_factory=Handles)
    reported_partials: int = 0
    failure: TransportFailure | None = None
    first_byte: float = 0.0  # time of the first byte of the body
    last_byte: float = 0.0  # time of the last byte
    last_data: float = 0.0  # time of the last byte besides comments

    def feed(self, chunk: bytes, now: float) -> None:
        """Parse the next bytes; report new progress and handles."""
        self.size += len(chunk)
        before = self.reader.data_feeds
        self.reader.feed(chunk)
        self.first_byte, self.last_byte = self.first_byte or now, now
        if self.reader.data_feeds != before:
            self.last_data = now
            with suppress(Exception):  # of a callback: it must not fail a call that may be charged
                self._notify()

    def _notify(self) -> None:
        """Report new progress and handles."""
        progress = int(self.reader.progress[-1]) if self.reader.progress else -1
        if self.on_progress is not None and progress > self.reported_progress:
            self.reported_progress = progress
            self.on_progress(progress)
        if self.on_handle is not None and self.reader.handles != self.reported_handles:
            self.reported_handles = self.reader.handles
            self.on_handle(self.secrets.clean(self.reported_handles))
        if self.on_partial is not None:
            for partial in self.reader.partials[self.reported_partials :]:
                self.reported_partials += 1
                self.on_partial(partial)

    def deadline(self) -> float:
        """Return the deadline of the next byte, in loop time; comments never extend the total."""
        end = self.started + self.preset.total
        if self.reader.done:
            return min(end, self.last_byte + _AFTER_DONE)
        if not self.last_byte:
            return min(end, self.started + self.preset.read_timeout)
        if self.reader.streaming or self.preset.first_byte is not None:
            return min(end, self.last_byte + self.preset.idle, self.last_data + self.preset.silent)
        return end if self.reader.data_feeds else min(end, self.last_data + self.preset.read_timeout)


class UpstreamClient:
    """Calls providers over one session of ``open_session``, which the composition root opens and closes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(
        self,
        request: ProviderRequest,
        preset: Preset,
        *,
        on_progress: Callable[[int], None] | None = None,
        on_handle: Callable[[Handles], None] | None = None,
        on_partial: Callable[[bytes], None] | None = None,
        reserve: Callable[[int], Awaitable[None]] | None = None,
    ) -> Reply:
        """Send a request and return its reply.

        While the answer streams, ``on_progress`` is called with increasing percentages, ``on_handle`` with
        all handles whenever a new one is found, and ``on_partial`` with each partial picture. ``reserve`` is
        awaited before a long answer takes further bytes of memory. Raises nothing but ``CancelledError``.
        """
        parts = urlsplit(request.url)
        reader = AnswerReader(
            input_urls=request.input_urls, n=request.n, origin=f"{parts.scheme}://{parts.netloc}"
        )
        loop, secrets = asyncio.get_running_loop(), secret_filter(request.secrets)
        own = OwnText(request.body)
        call = _Call(reader, preset, on_progress, on_handle, on_partial, loop.time(), secrets, own, reserve)
        try:
            await self._exchange(request, call)
        except Exception as error:  # noqa: BLE001 - every failure of a call becomes a result
            call.failure = call.failure or failure_of(error, call.trace, loop.time() - call.started)
        elapsed = loop.time() - call.started
        if call.size > _THREAD_FROM:
            return await asyncio.to_thread(_build_reply, call, elapsed)
        return _build_reply(call, elapsed)

    async def _exchange(self, request: ProviderRequest, call: _Call) -> None:
        """Send the request, and read the response until its end or a timeout."""
        loop = asyncio.get_running_loop()
        try:
            url, headers = _parse_url(request.url), _headers_of(request)
        except (ValueError, httpx.InvalidURL):
            call.failure = TransportFailure.UNSENDABLE
            return
        try:
            async with asyncio.timeout_at(call.deadline()):
                response = await self._session.post(
                    url,
                    headers=headers,
                    data=request.body,
                    allow_redirects=False,
                    auto_decompress=False,
                    timeout=_connect_timeout(min(call.preset.connect, call.preset.total)),
                    trace_request_ctx=call.trace,
                )
        except TimeoutError:
            unsent = call.trace.traced and not call.trace.sent
            call.failure = TransportFailure.CONNECT_TIMEOUT if unsent else TransportFailure.READ_TIMEOUT
            return
        try:
            call.status = response.status
            received = _decoded(response.raw_headers)
            call.headers = call.secrets.clean(_recorded(received))
            call.reader.failed = call.status >= 400
            call.reader.location = call.headers.get("location", "") if 200 <= call.status < 300 else ""
            call.last_byte = call.last_data = loop.time()
            await _read(response.content, received.get("content-encoding", ""), call)
        finally:
            with suppress(Exception):  # the connection may be closed already
                response.release()
                await response.wait_for_close()


@lru_cache(maxsize=256)
def _parse_url(url: str) -> URL:
    """Parse a URL, cached: there is one per channel. Raises ``ValueError`` and ``httpx.InvalidURL``."""
    return URL(str(httpx.URL(url)))


@lru_cache(maxsize=256)
def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    """Return the limit of connecting; all other limits are the deadline's."""
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


def _headers_of(request: ProviderRequest) -> CIMultiDict[str]:
    """Return the headers to send. Raises ``ValueError`` for text that is not ASCII."""
    headers = CIMultiDict(request.headers)
    for name, value in headers.items():
        if not (name.isascii() and value.isascii()):
            raise ValueError(f"the header {name!r} is not ASCII")
    headers.setdefault("User-Agent", USER_AGENT)
    headers.setdefault("Connection", "keep-alive")
    return headers


async def _read(content: aiohttp.StreamReader, encoding: str, call: _Call) -> None:
    try:
        decoder = decoder_for(encoding)
        while chunk := await _next_chunk(content, call):
            call.last_byte = asyncio.get_running_loop().time()
            await _feed(decoder.feed(chunk), call)
            if call.failure is not None:
                return
        call.failure = None if decoder.complete else TransportFailure.CONNECTION_RESET
    except TimeoutError:
        if not call.reader.done:
            call.failure = TransportFailure.READ_TIMEOUT
    except DecodingError:
        call.failure = TransportFailure.UNREADABLE


async def _next_chunk(content: aiohttp.StreamReader, call: _Call) -> bytes:
    """Return the next bytes, without a timer if they are there; empty at the end of the body."""
    if content.at_eof():
        return b""
    if chunk := content.read_nowait(_CHUNK):
        return chunk
    async with asyncio.timeout_at(call.deadline()):
        return await content.read(_CHUNK)


async def _feed(chunks: Iterator[bytes], call: _Call) -> None:
    """Feed decoded chunks, and yield to other tasks between them."""
    loop = asyncio.get_running_loop()
    for number, chunk in enumerate(chunks):
        if number:
            await asyncio.sleep(0)
        if loop.time() > call.started + call.preset.total:
            raise TimeoutError
        if call.size + len(chunk) > call.reserved:
            await _reserve(call)
        room = LARGEST_ANSWER - call.size
        call.feed(chunk[:room], loop.time())
        if len(chunk) > room:
            call.failure = TransportFailure.TOO_LARGE
            return


async def _reserve(call: _Call) -> None:
    """Reserve memory for the next block of an answer; the time until it is granted is not the provider's."""
    call.reserved += _BLOCK
    if call.reserve is None:
        return
    loop = asyncio.get_running_loop()
    waited = loop.time()
    await call.reserve(_COPIES * _BLOCK)
    waited = loop.time() - waited
    call.started, call.last_byte = call.started + waited, call.last_byte + waited
    call.last_data += waited


def _build_reply(call: _Call, elapsed: float) -> Reply:
    """Parse and classify the answer."""
    parsed, received = _answer(call), call.reader.raw
    answer, raw = call.secrets.clean(parsed), call.secrets.clean_bytes(received)
    if answer is not parsed and raw == received:  # the events of the answer split the secret
        raw = HIDDEN.encode()
    return Reply(
        answer=answer,
        result=classify(
            answer,
            status=call.status,
            headers=call.headers,
            failure=call.failure,
            elapsed=elapsed,
            own=call.own,
        ),
        http_status=call.status,
        request_id=request_id_of(call.headers) or (answer.request_id if answer else None),
        headers=call.headers,
        raw=raw,
        elapsed=elapsed,
        first_chunk=max(0.0, call.first_byte - call.started) if call.reader.streaming else None,
        blobs=call.reader.blobs,
        failure=call.failure,
    )


def _answer(call: _Call) -> Answer | None:
    if call.status is None:
        return None
    try:
        return call.reader.close(complete=call.failure is None)
    except Exception:  # noqa: BLE001 - the call may be charged: its bytes are recorded
        call.failure = TransportFailure.UNREADABLE
        return None


def _decoded(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of a response by lower-case name, repeated ones joined, in UTF-8 or else Latin-1."""
    try:
        pairs = [(name.decode().lower(), value.decode()) for name, value in raw]
    except UnicodeDecodeError:
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _recorded(headers: Mapping[str, str]) -> dict[str, str]:
    recorded = [(name, value[:1024]) for name, value in headers.items() if _is_recorded(name)]
    return dict(recorded[:_MAX_HEADERS])


@lru_cache(maxsize=1024)
def _is_recorded(name: str) -> bool:
    return name in _RECORDED_HEADERS or "ratelimit" in name.replace("rate-limit", "ratelimit")
