"""Small JSON documents by URL: what a provider publishes about a task, fetched through the SSRF guard."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from models.errors import ImageError
from worker.download.fetch import GuardedFetcher, decode_body, pasted_link_headers
from worker.download.ssrf import AllowList
from worker.images.limits import Limits, too_large


@dataclass(frozen=True, slots=True)
class Document:
    """A response, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class DocumentReader:
    """Reads documents through the guarded client of image downloads, under its limits, without any key."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        allow: AllowList = AllowList(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._fetcher = GuardedFetcher(client, allow=allow, limits=limits)
        self._limits = limits

    async def read(self, url: str) -> Document:
        """Return the document at ``url``, for any status. Raises ``ImageError``."""
        try:
            async with asyncio.timeout(self._limits.total.total_seconds()):
                async with self._fetcher.get(url, _headers) as response:
                    return await self._document(response)
        except TimeoutError as error:
            raise ImageError("asset_timeout", "The answer took too long.", retryable=True) from error

    async def _document(self, response: httpx.Response) -> Document:
        body = bytearray()
        async for chunk in decode_body(response):
            body += chunk
            if len(body) > self._limits.size:
                raise too_large(self._limits)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Document(response.status_code, headers, bytes(body))


def _headers(target: httpx.URL) -> Mapping[str, str]:
    return {**pasted_link_headers(target), "Accept": "application/json, */*;q=0.8"}
