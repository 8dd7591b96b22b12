"""SSRF-guarded GET: checks the URL and every redirect, decodes the body, translates errors.

Read top to bottom: ``GuardedFetcher.get`` follows redirects, ``_checked`` refuses URLs, ``_send`` makes one
request; then the body, the errors, and the header profiles that callers choose from.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import httpx

from models.errors import ImageError
from worker.download.ssrf import AllowList, blocked_address, check_host
from worker.images.limits import KIB, Limits

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_DECODED_CHUNK = 256 * KIB  #: bytes that decompression yields at once, however far a chunk expands

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"

#: The first matching class decides. All other errors of the two libraries are ``asset_unreachable``.
_ERROR_CODES: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ServerTimeoutError, "asset_timeout", "The host did not answer in time."),
    (aiohttp.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.UnsupportedProtocol, "asset_blocked_address", "The link can't be used as an address."),
    (httpx.InvalidURL, "asset_blocked_address", "The link can't be used as an address."),
    (UnicodeError, "asset_blocked_address", "The link's host name can't be used."),
    (httpx.ReadTimeout, "asset_timeout", "The host stopped sending."),
    (httpx.ReadError, "asset_truncated", "The connection ended before the picture did."),
)


class GuardedFetcher:
    """GET through one guarded client (``open_download_client``); every hop is checked again."""

    def __init__(self, client: httpx.AsyncClient, *, allow: AllowList, limits: Limits) -> None:
        self._client, self._allow, self._limits = client, allow, limits
        self._timeout = httpx.Timeout(
            limits.read.total_seconds(), connect=limits.connect.total_seconds(), pool=None
        )

    @asynccontextmanager
    async def get(
        self, url: str, headers: Callable[[httpx.URL], Mapping[str, str]]
    ) -> AsyncIterator[httpx.Response]:
        """Yield the response after all redirects; ``headers`` are made for each hop.

        Raises ``ImageError``, also for errors while the caller reads the response.
        """
        target = self._checked(url)
        for _ in range(self._limits.redirects + 1):
            async with self._send(target, headers(target)) as response:
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
                target = self._checked(_redirect_target(target, response))
        raise ImageError("asset_redirects", f"More than {self._limits.redirects} redirects.")

    def _checked(self, url: str | httpx.URL) -> httpx.URL:
        """Parse a URL and refuse what is known to be blocked before its name is resolved."""
        with translating_http_errors():  # httpx decodes a host when it is read, and may find it invalid
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
    async def _send(self, target: httpx.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        with translating_http_errors():
            request = self._client.build_request("GET", target, headers=dict(headers), timeout=self._timeout)
            response = await self._client.send(request, stream=True, auth=None)
            try:
                yield response
            finally:
                await response.aclose()


def _redirect_target(target: httpx.URL, response: httpx.Response) -> httpx.URL:
    location = response.headers.get("location")
    if not location:
        raise ImageError("asset_redirects", f"A redirect (HTTP {response.status_code}) leads nowhere.")
    return target.join(location)


async def decode_body(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in chunks of bounded size; gzip and deflate are undone although not requested.

    Raises ``ImageError`` for other encodings and for damaged or truncated compressed data.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity", "none", "binary"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ImageError(
            "asset_not_image", f"The host sent it compressed as {encoding[:40]!r} without being asked."
        )
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for chunk in response.aiter_raw():
        for decoded in _decompressed(decompressor, chunk):
            yield decoded
    if not decompressor.eof:
        raise ImageError("asset_truncated", "The compressed body ends too early.", retryable=True)


def _decompressed(decompressor: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while chunk and not decompressor.eof:
        try:
            yield decompressor.decompress(chunk, _MAX_DECODED_CHUNK)
        except zlib.error as error:
            raise ImageError("asset_truncated", "The compressed body is damaged.", retryable=True) from error
        chunk = decompressor.unconsumed_tail


@contextmanager
def translating_http_errors() -> Iterator[None]:
    """Turn errors of httpx and aiohttp into ``ImageError``."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, UnicodeError) as error:
        raise _image_error(error) from error


def _image_error(error: Exception) -> ImageError:
    for kind, code, message in _ERROR_CODES:
        if isinstance(error, kind) or isinstance(error.__cause__, kind):
            return ImageError(code, message, retryable=code != "asset_blocked_address")
    return ImageError("asset_unreachable", f"The host can't be reached: {str(error)[:200]}", retryable=True)


def embedded_image_headers(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Return headers of a browser that embeds the image in a page of the same host, as some hosts demand."""
    return {
        "User-Agent": _CHROME,
        "Accept": "image/avif,image/webp,image/*,*/*;q=0.8",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.9",
        "Referer": referer or f"{url.scheme}://{url.netloc.decode('ascii')}/",
    }


def pasted_link_headers(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Return headers of a browser that opens a pasted link; other hosts refuse any Referer."""
    return {
        "User-Agent": _FIREFOX,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.5",
    }


#: Browser-like headers, in the order in which they are tried: many image hosts refuse API clients.
HEADER_PROFILES = (embedded_image_headers, pasted_link_headers)
