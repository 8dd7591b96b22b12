"""HTTP client for provider tasks: GET a task with the channel's key. The provider does not charge for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import httpx

from worker.upstream.transport.content_encoding import DecodingError, decoder_for
from worker.upstream.transport.secret_filter import SecretFilter, secret_filter

MAX_BODY_BYTES = 64 * 1024 * 1024  #: a task may hold its images as base64
_TOTAL_TIMEOUT = 60.0  #: seconds
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_FAILURES = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError),
    *(DecodingError, ValueError, TypeError),  # a URL, header or body that can't be encoded or decoded
)


@dataclass(frozen=True, slots=True)
class TaskResponse:
    """HTTP response about a task; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TaskClient:
    """Client for provider tasks over a shared ``httpx.AsyncClient``, which its owner opens and closes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def read(self, url: str, *, api_key: str, headers: Mapping[str, str]) -> TaskResponse | None:
        """Return the response of ``url``, or ``None`` if the request fails. Redirects are not followed."""
        request_headers = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        request_headers["Authorization"] = f"Bearer {api_key}"
        try:
            async with asyncio.timeout(_TOTAL_TIMEOUT):
                request = self._http.build_request("GET", url, headers=request_headers, timeout=_TIMEOUT)
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    return await _read_response(response, secret_filter((api_key,)))
                finally:
                    await response.aclose()
        except _FAILURES:
            return None


async def _read_response(response: httpx.Response, secrets: SecretFilter) -> TaskResponse | None:
    """Return the response with its decoded body, without secrets; ``None`` if the body is too large."""
    decoder = decoder_for(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw():
        for decoded in decoder.feed(chunk):
            body += decoded
            if len(body) > MAX_BODY_BYTES:
                return None
    headers = secrets.clean({name.lower(): value for name, value in response.headers.items()})
    return TaskResponse(response.status_code, headers, secrets.clean_bytes(bytes(body)))
