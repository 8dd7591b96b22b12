"""A small document from an address that somebody else chose: what a provider keeps about a task."""

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
    """What came back, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class DocumentReader:
    """Reads documents through the same guarded client as pictures, under the same limits, without any key."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        allow: AllowList = AllowList(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._visitor = GuardedFetcher(client, allow=allow, limits=limits)
        self._limits = limits

    async def read(self, url: str) -> Document:
        """Return what ``url`` says, whatever its status. Raises ``PictureError``."""
        try:
            async with asyncio.timeout(self._limits.total.total_seconds()):
                async with self._visitor.get(url, _headers) as response:
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
