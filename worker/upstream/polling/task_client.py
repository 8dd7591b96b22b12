"""Asks a provider what became of a task, with the channel's own key. Costs nothing."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import httpx

from worker.upstream.transport.content_encoding import DecodingError, decoder_for

LARGEST = 64 * 1024 * 1024  #: bytes of one answer: a task may carry its pictures inside
_LONGEST = 60.0  # seconds for one answer
_FAILURES = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError),
    *(DecodingError, ValueError, TypeError),  # an answer, or an address, that can't be written or read
)
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class TaskResponse:
    """What came back, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TaskClient:
    """Asks over one ``httpx.AsyncClient`` for provider calls, which the composition root opens and closes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def read(self, url: str, *, api_key: str, headers: Mapping[str, str]) -> TaskResponse | None:
        """Return what ``url`` says; ``None`` if that can't be had now. Redirects are not followed."""
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        sent["Authorization"] = f"Bearer {api_key}"
        try:
            async with asyncio.timeout(_LONGEST):
                asking = self._http.build_request("GET", url, headers=sent, timeout=_TIMEOUT)
                response = await self._http.send(asking, stream=True, follow_redirects=False)
                try:
                    return await _said(response)
                finally:
                    await response.aclose()
        except _FAILURES:
            return None


async def _said(response: httpx.Response) -> TaskResponse | None:
    decoder = decoder_for(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw():
        for piece in decoder.feed(chunk):
            body += piece
            if len(body) > LARGEST:
                return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    return TaskResponse(response.status_code, headers, bytes(body))
