"""Follows an address that somebody else chose, wherever it leads, and never inside."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx

from models.errors import PictureError
from worker.download.ssrf import AllowList, blocked, check_host
from worker.images.limits import Limits
from worker.storage.exchanges import exchange

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Visitor:
    """Asks through one guarded client (``open_download_client``); every hop is checked anew."""

    def __init__(self, client: httpx.AsyncClient, *, allow: AllowList, limits: Limits) -> None:
        self._client, self._allow, self._limits = client, allow, limits
        self._timeout = httpx.Timeout(
            limits.read.total_seconds(), connect=limits.connect.total_seconds(), pool=None
        )

    @asynccontextmanager
    async def arrive(
        self, url: str, headers: Callable[[httpx.URL], Mapping[str, str]]
    ) -> AsyncIterator[httpx.Response]:
        """Yield the answer at the end of all redirects; ``headers`` are made for each hop.

        Raises ``PictureError``, also for what goes wrong while the answer is read.
        """
        target = self._checked(url)
        for _ in range(self._limits.redirects + 1):
            async with self._asked(target, headers(target)) as response:
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
                target = self._checked(_next(target, response))
        raise PictureError("asset_redirects", f"More than {self._limits.redirects} redirects.")

    def _checked(self, url: str | httpx.URL) -> httpx.URL:
        """Parse an address and refuse what must not be reached, as far as that shows without a look-up."""
        with exchange():  # a host is decoded when it is looked at, and may be none
            target = httpx.URL(url)
            if target.scheme not in ("http", "https") or not target.host:
                raise PictureError(
                    "asset_blocked_address", f"Only http and https links are fetched: {str(url)[:200]!r}."
                )
            if target.userinfo:
                raise blocked(target.host, "a link with a user name in it")
            check_host(target.host, self._allow)
        return target

    @asynccontextmanager
    async def _asked(self, target: httpx.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        with exchange():
            request = self._client.build_request("GET", target, headers=dict(headers), timeout=self._timeout)
            response = await self._client.send(request, stream=True, auth=None)
            try:
                yield response
            finally:
                await response.aclose()


def _next(target: httpx.URL, response: httpx.Response) -> httpx.URL:
    location = response.headers.get("location")
    if not location:
        raise PictureError("asset_redirects", f"A redirect (HTTP {response.status_code}) leads nowhere.")
    return target.join(location)
