"""The one place that calls a provider. Whatever happens out there, it returns a ``Reply``."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from urllib.parse import urlsplit

import httpx

from worker.upstream.errors.classify import classify
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.presets import Preset
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest
from worker.upstream.response_headers import REQUEST_IDS, request_id_of
from worker.upstream.transport.connection import CURRENT_TRACE, ConnectionTrace, failure_of
from worker.upstream.transport.content_encoding import DecodingError, decoder_for
from worker.upstream.transport_errors import TransportFailure

LARGEST_ANSWER = 64 * 1024 * 1024  #: bytes, decoded
_THREAD_FROM = 256 * 1024  #: bytes; longer answers are taken apart beside the event loop
_MOST_HEADERS = 64  #: that are kept
_AFTER_DONE = 1.0  #: seconds to wait for the end of a stream that said it is over
_KEPT = frozenset(
    {
        *REQUEST_IDS,
        "content-type",
        "content-length",
        "date",
        "server",
        "retry-after",
        "retry-after-ms",
        "x-should-retry",
        "cf-mitigated",
        "openai-processing-ms",
        "ratelimit",
        "ratelimit-policy",
        "location",
    }
)


@dataclass(slots=True)
class _Call:
    """One call while it runs."""

    reader: AnswerReader
    preset: Preset
    on_progress: Callable[[int], None] | None
    on_handle: Callable[[Handles], None] | None
    started: float
    wire: ConnectionTrace = field(default_factory=ConnectionTrace)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0
    told: int = -1
    shown: Handles = field(default_factory=Handles)
    failure: TransportFailure | None = None
    heard: float = 0.0  # when the last byte came
    meant: float = 0.0  # when the last byte came that was no comment

    def take(self, chunk: bytes, now: float) -> None:
        """Read on, and tell what is new."""
        self.size += len(chunk)
        before = self.reader.data_feeds
        self.reader.feed(chunk)
        self.heard = now
        if self.reader.data_feeds != before:
            self.meant = now
            self._tell()

    def _tell(self) -> None:
        """Call back; a listener's own mistake must not cost a call that is paid for."""
        with suppress(Exception):
            self._call_back()

    def _call_back(self) -> None:
        if (
            self.on_progress is not None
            and self.reader.progress
            and int(self.reader.progress[-1]) > self.told
        ):
            self.told = int(self.reader.progress[-1])
            self.on_progress(self.told)
        if self.on_handle is not None and self.reader.handles != self.shown:
            self.shown = self.reader.handles
            self.on_handle(self.shown)

    def deadline(self) -> float:
        """Return when waiting for the next byte is over; comments never extend the total."""
        end = self.started + self.preset.total
        if self.reader.done:
            return min(end, self.heard + _AFTER_DONE)
        if not self.heard:
            return min(end, self.started + self.preset.read_timeout)
        if self.reader.streaming or self.preset.first_byte is not None:
            return min(end, self.heard + self.preset.idle, self.meant + self.preset.silent)
        return end if self.reader.data_feeds else min(end, self.meant + self.preset.read_timeout)


class UpstreamClient:
    """Calls providers over one ``httpx.AsyncClient``, which the composition root opens and closes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def call(
        self,
        request: ProviderRequest,
        preset: Preset,
        *,
        on_progress: Callable[[int], None] | None = None,
        on_handle: Callable[[Handles], None] | None = None,
    ) -> Reply:
        """Send the request and return what came of it.

        ``on_progress`` is called with increasing percentages, ``on_handle`` with all handles as soon as one
        more is known, both while the answer streams. Only cancellation passes through.
        """
        parts = urlsplit(request.url)
        reader = AnswerReader(
            input_urls=request.input_urls, n=request.n, origin=f"{parts.scheme}://{parts.netloc}"
        )
        call = _Call(reader, preset, on_progress, on_handle, asyncio.get_running_loop().time())
        token = CURRENT_TRACE.set(call.wire)
        try:
            await self._exchange(request, call)
        except Exception as error:  # noqa: BLE001 - whatever a provider does is a verdict, never an error of ours
            call.failure = call.failure or failure_of(error, call.wire, _elapsed(call))
        finally:
            CURRENT_TRACE.reset(token)
        return await _reply(call)

    async def _exchange(self, request: ProviderRequest, call: _Call) -> None:
        """Send, and read until the end or until patience is over."""
        loop = asyncio.get_running_loop()
        try:
            sending = self._written(request, call.preset)
        except (ValueError, TypeError, httpx.InvalidURL):
            call.failure = TransportFailure.UNSENDABLE
            return
        try:
            async with asyncio.timeout_at(call.deadline()):
                response = await self._http.send(sending, stream=True, follow_redirects=False)
        except TimeoutError:
            unsent = call.wire.traced and not call.wire.sent
            call.failure = TransportFailure.CONNECT_TIMEOUT if unsent else TransportFailure.READ_TIMEOUT
            return
        try:
            call.status = response.status_code
            call.headers = _kept(response.headers)
            call.reader.failed = response.status_code >= 400
            call.heard = call.meant = loop.time()
            await _read(response, call)
        finally:
            with suppress(Exception):  # a connection that can't be closed is gone already
                await response.aclose()

    def _written(self, request: ProviderRequest, preset: Preset) -> httpx.Request:
        timeouts = httpx.Timeout(None, connect=min(preset.connect, preset.total))
        headers = dict(request.headers)
        return self._http.build_request(
            "POST", _parsed(request.url), headers=headers, content=request.body, timeout=timeouts
        )


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Take an address apart once: there are as many as channels."""
    return httpx.URL(url)


async def _read(response: httpx.Response, call: _Call) -> None:
    loop = asyncio.get_running_loop()
    try:
        decoder = decoder_for(response.headers.get("content-encoding", ""))
        async with aclosing(_pieces(response)) as pieces:
            while True:
                async with asyncio.timeout_at(call.deadline()):
                    chunk = await anext(pieces, None)
                if chunk is None:
                    call.failure = None if decoder.complete else TransportFailure.CONNECTION_RESET
                    return
                call.heard = loop.time()
                await _take(decoder.feed(chunk), call)
                if call.failure is not None:
                    return
    except TimeoutError:
        if not call.reader.done:
            call.failure = TransportFailure.READ_TIMEOUT
    except DecodingError:
        call.failure = TransportFailure.UNREADABLE


async def _take(pieces: Iterator[bytes], call: _Call) -> None:
    """Read pieces that are here already; other calls get their turn between them."""
    loop = asyncio.get_running_loop()
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(0)
        if loop.time() > call.started + call.preset.total:
            raise TimeoutError
        room = LARGEST_ANSWER - call.size
        call.take(piece[:room], loop.time())
        if len(piece) > room:
            call.failure = TransportFailure.TOO_LARGE
            return


async def _pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    async for chunk in response.aiter_raw():
        yield chunk


async def _reply(call: _Call) -> Reply:
    """Take the answer apart and judge it; a long one in a thread, so that other calls go on."""
    elapsed = _elapsed(call)
    if call.size > _THREAD_FROM:
        return await asyncio.to_thread(_finish, call, elapsed)
    return _finish(call, elapsed)


def _finish(call: _Call, elapsed: float) -> Reply:
    answer = _answer(call)
    return Reply(
        answer=answer,
        result=classify(
            answer, status=call.status, headers=call.headers, failure=call.failure, elapsed=elapsed
        ),
        http_status=call.status,
        request_id=request_id_of(call.headers) or (answer.request_id if answer else None),
        headers=call.headers,
        raw=call.reader.raw,
        elapsed=elapsed,
        blobs=call.reader.blobs,
        failure=call.failure,
    )


def _answer(call: _Call) -> Answer | None:
    if call.status is None:
        return None
    try:
        return call.reader.close(complete=call.failure is None)
    except Exception:  # noqa: BLE001 - an answer that we fail to read may be paid for: its bytes are kept
        call.failure = TransportFailure.UNREADABLE
        return None


def _kept(headers: httpx.Headers) -> dict[str, str]:
    kept = (
        (name, value)
        for name, value in headers.items()
        if name in _KEPT or "ratelimit" in name.replace("rate-limit", "ratelimit")
    )
    return {name: value[:1024] for name, value in islice(kept, _MOST_HEADERS)}


def _elapsed(call: _Call) -> float:
    return asyncio.get_running_loop().time() - call.started
