"""Bare loop, the limit of the worker: httpx over aiohttp makes the same calls and keeps nothing."""

import asyncio
import re
import sys
from time import perf_counter

import httpx

from bench.load import run
from models.request import ImageRequest
from worker.upstream.presets.catalog import PRESETS
from worker.upstream.request import build_request
from worker.upstream.transport.connection import open_client

_LINK = re.compile(rb"https?://[^\s)\"\\]+")


async def bare_loop(upstream: str, *, calls: int, concurrency: int, download: bool = False) -> float:
    """Make ``calls`` calls, ``concurrency`` in flight; return the calls per second."""
    client, numbers = open_client(limit=concurrency), iter(range(calls))

    async def one() -> None:
        for number in numbers:
            await _call(client, upstream, f"bare {number}", download=download)

    begun = perf_counter()
    await asyncio.gather(*(one() for _ in range(concurrency)))
    rate = calls / (perf_counter() - begun)
    await client.aclose()
    return rate


async def _call(client: httpx.AsyncClient, upstream: str, prompt: str, *, download: bool) -> None:
    request = build_request(
        ImageRequest(model="bench", prompt=prompt),
        base_url=upstream,
        api_key="practice",
        preset=PRESETS["generic"],
    )
    answer = await client.post(request.url, content=request.body, headers=dict(request.headers))
    answer.raise_for_status()
    if download:
        link = _LINK.search(answer.content)
        assert link, answer.content[:500]
        (await client.get(link[0].decode())).raise_for_status()


def best(upstream: str, *, calls: int, download: bool = False) -> float:
    """Return the best rate of three concurrencies: few calls in flight are faster than a thousand."""
    return max(
        run(bare_loop(upstream, calls=calls, concurrency=width, download=download))
        for width in (32, 128, 1000)
    )


if __name__ == "__main__":
    sys.stdout.write(f"{best(sys.argv[1], calls=int(sys.argv[2])):.0f} calls/s\n")
