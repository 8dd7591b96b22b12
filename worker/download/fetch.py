"""Follows an address that somebody else chose, wherever it leads, and never inside."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import httpx

from models.errors import ImageError
from worker.download.ssrf import AllowList, blocked_address, check_host
from worker.images.limits import KIB, Limits

# What httpx and aiohttp raise, as ``PictureError``.

#: In order: the first class that fits decides. Everything else of the two libraries is ``asset_unreachable``.
_CODES: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ServerTimeoutError, "asset_timeout", "The host did not answer in time."),
    (aiohttp.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.UnsupportedProtocol, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (UnicodeError, "asset_blocked_address", "The link's host name can't be used."),
    (httpx.ReadTimeout, "asset_timeout", "The host stopped sending."),
    (httpx.ReadError, "asset_truncated", "The connection ended before the picture did."),
)


@contextmanager
def translating_http_errors() -> Iterator[None]:
    """Turn the errors of one exchange with a host into ``PictureError``."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, UnicodeError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> ImageError:
    for kind, code, words in _CODES:
        if isinstance(error, kind) or isinstance(error.__cause__, kind):
            return ImageError(code, words, retryable=code != "asset_blocked_address")
    return ImageError("asset_unreachable", f"The host can't be reached: {str(error)[:200]}", retryable=True)


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class GuardedFetcher:
    """Asks through one guarded client (``open_download_client``); every hop is checked anew."""

    def __init__(self, client: httpx.AsyncClient, *, allow: AllowList, limits: Limits) -> None:
        self._client, self._allow, self._limits = client, allow, limits
        self._timeout = httpx.Timeout(
            limits.read.total_seconds(), connect=limits.connect.total_seconds(), pool=None
        )

    @asynccontextmanager
    async def get(
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
        raise ImageError("asset_redirects", f"More than {self._limits.redirects} redirects.")

    def _checked(self, url: str | httpx.URL) -> httpx.URL:
        """Parse an address and refuse what must not be reached, as far as that shows without a look-up."""
        with translating_http_errors():  # a host is decoded when it is looked at, and may be none
            target = httpx.URL(url)
            if target.scheme not in ("http", "https") or not target.host:
                raise ImageError(
                    "asset_blocked_address", f"Only http and https links are fetched: {str(url)[:200]!r}."
                )
            if target.userinfo:
                raise blocked_address(target.host, "a link with a user name in it")
            check_host(target.host, self._allow)
        return target

    @asynccontextmanager
    async def _asked(self, target: httpx.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        with translating_http_errors():
            request = self._client.build_request("GET", target, headers=dict(headers), timeout=self._timeout)
            response = await self._client.send(request, stream=True, auth=None)
            try:
                yield response
            finally:
                await response.aclose()


def _next(target: httpx.URL, response: httpx.Response) -> httpx.URL:
    location = response.headers.get("location")
    if not location:
        raise ImageError("asset_redirects", f"A redirect (HTTP {response.status_code}) leads nowhere.")
    return target.join(location)


# A response's body as it was meant, without trusting its compression.

_PIECE = 256 * KIB  #: bytes that decompressing yields at once, whatever a chunk blows up to


async def decode_body(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in pieces of bounded size. We ask for it uncompressed, but undo gzip and deflate."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity", "none", "binary"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ImageError(
            "asset_not_image", f"The host sent it compressed as {encoding[:40]!r} without being asked."
        )
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for chunk in response.aiter_raw():
        for piece in _inflated(inflate, chunk):
            yield piece
    if not inflate.eof:
        raise ImageError("asset_truncated", "The compressed body ends too early.", retryable=True)


def _inflated(inflate: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while chunk and not inflate.eof:
        try:
            yield inflate.decompress(chunk, _PIECE)
        except zlib.error as error:
            raise ImageError("asset_truncated", "The compressed body is damaged.", retryable=True) from error
        chunk = inflate.unconsumed_tail


# How we present ourselves to picture hosts, many of which answer browsers only.

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def embedded_image_headers(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Ask as a browser that shows the picture on a page of its own host (some hosts demand that)."""
    return {
        "User-Agent": _CHROME,
        "Accept": "image/avif,image/webp,image/*,*/*;q=0.8",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.9",
        "Referer": referer or f"{url.scheme}://{url.netloc.decode('ascii')}/",
    }


def pasted_link_headers(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Ask as another browser where somebody pasted the link (other hosts refuse any Referer)."""
    return {
        "User-Agent": _FIREFOX,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.5",
    }


HEADER_PROFILES = (embedded_image_headers, pasted_link_headers)  #: tried in this order
