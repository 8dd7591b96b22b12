"""Parsing answers: speed against ``json.loads``; event loop pauses and memory with 40 MB of image."""

import asyncio
import base64
import json
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import cast

import aiohttp

from bench.figures import Figure
from bench.servers import Servers
from models.request import ImageRequest
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.presets.catalog import preset_named
from worker.upstream.request import build_request
from worker.upstream.transport.client import UpstreamClient

MB = 1_000_000
LARGE = 40 * MB
_CHUNK = 64 * 1024  #: bytes, as they come from a socket
_DELTA = 4096  #: characters of base64 in one small delta
_MIME = 76  #: characters of a line
_NOISE = random.Random(7).randbytes(48 * 1024)
_URL = "data:image/png;base64,"


def image_base64(size: int) -> Iterator[str]:
    """Yield the base64 of something like a PNG, about ``size`` characters, in chunks."""
    head, end = b"\x89PNG\r\n\x1a\n" + bytes(4), b"IEND\xaeB`\x82" + bytes(1)
    yield base64.b64encode(head).decode()
    noise = base64.b64encode(_NOISE).decode()
    for _ in range(max(1, size // len(noise))):
        yield noise
    yield base64.b64encode(end).decode()


def _body(size: int) -> Iterator[str]:
    yield f'{{"choices":[{{"message":{{"content":"","images":[{{"image_url":{{"url":"{_URL}'
    yield from image_base64(size)
    yield '"}}]},"finish_reason":"stop"}]}'


def _wrapped(size: int) -> Iterator[str]:
    """Break the base64 into lines of 76 characters, as MIME does."""
    yield f'{{"choices":[{{"message":{{"content":"","images":[{{"image_url":{{"url":"{_URL}'
    for chunk in image_base64(size):
        yield "\\n".join(chunk[start : start + _MIME] for start in range(0, len(chunk), _MIME))
    yield '"}}]},"finish_reason":"stop"}]}'


def _line(size: int) -> Iterator[str]:
    yield f'data: {{"choices":[{{"delta":{{"images":[{{"image_url":{{"url":"{_URL}'
    yield from image_base64(size)
    yield '"}}]}}]}\n\ndata: [DONE]\n\n'


def _markdown(size: int) -> Iterator[str]:
    yield f'{{"choices":[{{"message":{{"content":"Here it is: ![cat]({_URL}'
    yield from image_base64(size)
    yield ')"},"finish_reason":"stop"}]}'


def _deltas(size: int) -> Iterator[str]:
    yield _event(f"![cat]({_URL}")
    for chunk in image_base64(size):
        for start in range(0, len(chunk), _DELTA):
            yield _event(chunk[start : start + _DELTA])
    yield _event(")") + "data: [DONE]\n\n"


def _event(text: str) -> str:
    return f'data: {{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n'


def _small_body(_: int) -> Iterator[str]:
    yield '{"choices":[{"message":{"content":"![a](https://cdn.example.com/a.png)"},"finish_reason":"stop"}]}'


def _small_stream(_: int) -> Iterator[str]:
    for percent in range(5, 100, 5):
        yield _event(f"> Progress {percent}..\\n")
    yield _event("![a](https://cdn.example.com/a.png)") + "data: [DONE]\n\n"


KINDS: Mapping[str, Callable[[int], Iterator[str]]] = {
    "small JSON": _small_body,
    "small stream": _small_stream,
    "JSON, message.images": _body,
    "JSON, in lines of 76": _wrapped,
    "stream, one line": _line,
    "JSON, markdown": _markdown,
    "stream, small deltas": _deltas,
}


def measure(_: Servers) -> Sequence[Figure]:
    """Measure small answers and 1 MB in this process, 40 MB in one of their own each."""
    figures = [_speed(kind, MB) for kind in KINDS]
    for kind in list(KINDS)[2:]:
        found = json.loads(
            subprocess.run(
                [sys.executable, "-m", "bench.answers", kind], check=True, capture_output=True, text=True
            ).stdout
        )
        figures += [
            Figure(f"{kind}, 40 MB", found["rate"], "MB/s", found["plain"], "json.loads"),
            Figure(f"{kind}, 40 MB: longest pause", found["pause"], "ms", goal=50, at_most=True),
            Figure(
                f"{kind}, 40 MB: memory", found["memory"], "MB", found["size"], "the answer", 3, True, True
            ),
        ]
    return figures


def _speed(kind: str, size: int) -> Figure:
    """Parse the same answer repeatedly for a second, and the same bytes with ``json.loads``."""
    data = "".join(KINDS[kind](size)).encode()
    small = len(data) < 10_000
    unit, share = ("answers/s", 1.0) if small else ("MB/s", len(data) / MB)
    reading, parsing = _rate(lambda: _read(data)), _rate(lambda: _parse(data))
    return Figure(f"{kind}, {len(data) / 1000:,.0f} kB", reading * share, unit, parsing * share, "json.loads")


def _rate(work: Callable[[], None]) -> float:
    work()
    times, begun = 0, perf_counter()
    while (elapsed := perf_counter() - begun) < 1:
        work()
        times += 1
    return times / elapsed


def _read(data: bytes) -> None:
    reader = AnswerReader()
    for start in range(0, len(data), _CHUNK):
        reader.feed(data[start : start + _CHUNK])
    if not reader.close().images:
        raise RuntimeError("no image was found")


def _parse(data: bytes) -> None:
    """Do the minimum: parse the JSON of the same bytes."""
    if data.startswith(b"{"):
        json.loads(data)
        return
    for line in data.split(b"\n"):
        if line.startswith(b"data: {"):
            json.loads(line[6:])


class _Provider:
    """A session, response and body in one: an answer of one kind, in chunks that are made when read."""

    status, raw_headers = 200, ()

    def __init__(self, kind: str, size: int) -> None:
        self._chunk_iterator = KINDS[kind](size)
        self.size = 0

    async def post(self, *_: object, **__: object) -> "_Provider":
        return self

    @property
    def content(self) -> "_Provider":
        return self

    def at_eof(self) -> bool:
        return False

    def read_nowait(self, _: int) -> bytes:
        return b""

    async def read(self, _: int) -> bytes:
        await asyncio.sleep(0)
        chunk = next(self._chunk_iterator, "")
        self.size += len(chunk)
        return chunk.encode()

    def release(self) -> None:
        pass

    async def wait_for_close(self) -> None:
        pass


async def _call(kind: str, size: int) -> dict[str, float]:
    """Make one call, while another task measures the pauses of the event loop."""
    await _make_call("small JSON", 0)
    before, pauses = _memory(), [0.0]
    pulse = asyncio.create_task(_pulse(pauses))
    await asyncio.sleep(0.05)
    begun = perf_counter()
    length = await _make_call(kind, size)
    elapsed = perf_counter() - begun
    pulse.cancel()
    with suppress(asyncio.CancelledError):
        await pulse
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000 * 1.024
    return {
        "size": length / MB,
        "rate": length / MB / elapsed,
        "pause": max(pauses) * 1000,
        "memory": peak - before,
    }


async def _make_call(kind: str, size: int) -> int:
    provider, preset = _Provider(kind, size), preset_named("generic")
    request = build_request(
        ImageRequest("m", "a cat"), base_url="http://provider.example", api_key="k", preset=preset
    )
    reply = await UpstreamClient(cast(aiohttp.ClientSession, provider)).call(request, preset)
    if reply.answer is None or not reply.answer.images:
        raise RuntimeError(f"no image was found: {reply.result}")
    return provider.size


async def _pulse(pauses: list[float]) -> None:
    last = perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = perf_counter()
        pauses.append(now - last - 0.001)
        last = now


def _memory() -> float:
    """Return the resident megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


if __name__ == "__main__":
    found = asyncio.run(_call(sys.argv[1], LARGE))
    data = "".join(KINDS[sys.argv[1]](LARGE)).encode()
    begun = perf_counter()
    _parse(data)
    print(json.dumps({**found, "plain": len(data) / MB / (perf_counter() - begun)}))
