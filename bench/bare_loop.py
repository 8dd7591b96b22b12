"""Bare loop, the limit of the worker: aiohttp makes the same calls and keeps nothing."""

import asyncio
import re
import sys
from time import perf_counter

import aiohttp

from bench.load import run
from models.request import ImageRequest
from worker.upstream.presets.catalog import PRESETS
from worker.upstream.request import build_request
from worker.upstream.transport.connection import open_session

_LINK = re.compile(rb"https?://[^\s)\"\\]+")


async def bare_loop(upstream: str, *, calls: int, concurrency: int, download: bool = False) -> float:
    """Make ``calls`` calls, ``concurrency`` in flight; return the calls per second."""
    session, numbers = open_session(limit=concurrency), iter(range(calls))

    async def one() -> None:
        for number in numbers:
            await _call(session, upstream, f"bare {number}", download=download)

    begun = perf_counter()
    await asyncio.gather(*(one() for _ in range(concurrency)))
    rate = calls / (perf_counter() - begun)
    await session.close()
    return rate


async def _call(session: aiohttp.ClientSession, upstream: str, prompt: str, *, download: bool) -> None:
    request = build_request(
        ImageRequest(model="bench", prompt=prompt),
        base_url=upstream,
        api_key="practice",
        preset=PRESETS["generic"],
    )
    async with session.post(request.url, data=request.body, headers=request.headers) as answer:
        answer.raise_for_status()
        content = await answer.read()
    if download:
        link = _LINK.search(content)
        assert link, content[:500]
        async with session.get(link[0].decode()) as picture:
            picture.raise_for_status()
            await picture.read()


def best(upstream: str, *, calls: int, download: bool = False) -> float:
    """Return the best rate of three concurrencies: few calls in flight are faster than a thousand."""
    return max(
        run(bare_loop(upstream, calls=calls, concurrency=width, download=download))
        for width in (32, 128, 1000)
    )


if __name__ == "__main__":
    sys.stdout.write(f"{best(sys.argv[1], calls=int(sys.argv[2])):.0f} calls/s\n")
