"""Image download: one guarded GET with browser headers, spooled to memory or disk, refusals classified."""

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from models.clock import Clock, now
from models.errors import ImageError
from worker.download.fetch import HEADER_PROFILES, GuardedFetcher, decode_body
from worker.download.spool import SpooledFile
from worker.download.ssrf import AllowList
from worker.images.inspection import looks_like_text
from worker.images.limits import KIB, Limits, too_large
from worker.upstream.response_headers import http_retry_after

HeaderProfile = Callable[[httpx.URL, str | None], Mapping[str, str]]

NEW = timedelta(0)  #: age of a link that was just received
YOUNG = timedelta(seconds=60)  #: up to this age of a link, its host may not serve the image yet
LONGEST_WAIT = timedelta(hours=1)  #: cap on a host's Retry-After

_DECLARED_SIZE = re.compile(r"[0-9]{1,18}")
_REFUSAL_BYTES = 4 * KIB  #: bytes of a refusal's body that are read to classify it
#: Errors after which the next header profile is tried.
_RETRY_WITH_NEXT_PROFILE = frozenset({"asset_forbidden", "asset_not_image"})
#: How OSS, S3, Azure, Google and TOS report that a signed link has expired.
_EXPIRED = re.compile(
    rb"(has|have|is|was|url|link|signature|token)[\s_-]*expired|expired[\s_-]*(token|url|link|signature)"
    rb"|not valid in the specified time frame",
    re.IGNORECASE,
)
_HTML_PAGE = re.compile(rb"\s*<(!doctype|html|head|body)", re.IGNORECASE)
_MAY_BE_EXPIRED = frozenset({400, 401, 403, 404, 410})
_FORBIDDEN = frozenset({401, 402, 403, 451})
_BUSY = frozenset({408, 409, 421, 423, 425, 429})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded body. If it is a ``Path``, it is a ``.part`` file that the caller must remove."""

    body: bytes | Path
    sha256: str  #: hex
    size: int  #: bytes
    content_type: str | None  #: as the host declares it; not reliable
    url: str  #: after redirects


class Downloader:
    """Downloads images through one guarded client (``open_download_client``) under one set of limits."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        allow: AllowList = AllowList(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        threads: Executor | None = None,
        clock: Clock = now,
    ) -> None:
        self._fetcher = GuardedFetcher(client, allow=allow, limits=limits)
        self._limits, self._threads, self._clock = limits, threads, clock

    async def fetch(
        self, url: str, *, into: Path, referer: str | None = None, age: timedelta = NEW
    ) -> Fetched:
        """Download ``url`` into memory, or into a file of the folder ``into`` if it is large.

        A refusal is retried once with other headers. ``age`` is the time since the link was received: a young
        link may not be served yet. Raises ``ImageError``, or ``StorageError`` for ``into``.
        """
        try:
            async with asyncio.timeout(self._limits.total.total_seconds()):
                try:
                    return await self._get(url, HEADER_PROFILES[0], into, referer, age)
                except ImageError as error:
                    if error.code not in _RETRY_WITH_NEXT_PROFILE:
                        raise
                return await self._get(url, HEADER_PROFILES[1], into, referer, age)
        except TimeoutError as error:
            raise ImageError("asset_timeout", "The download took too long.", retryable=True) from error

    async def _get(
        self, url: str, profile: HeaderProfile, into: Path, referer: str | None, age: timedelta
    ) -> Fetched:
        async with self._fetcher.get(url, lambda target: profile(target, referer)) as response:
            if response.status_code == 200:
                return await self._spool(response, into)
            raise await self._refusal(response, age)

    async def _spool(self, response: httpx.Response, into: Path) -> Fetched:
        declared = response.headers.get("content-length", "")
        if _DECLARED_SIZE.fullmatch(declared) and int(declared) > self._limits.size:
            raise too_large(self._limits)
        async with SpooledFile(into, self._limits, self._threads) as spool:
            async for chunk in decode_body(response):
                if not spool.size and looks_like_text(chunk):
                    raise _text_instead_of_image(chunk)
                await spool.add(chunk)
            body, digest = await spool.finish()
        return Fetched(body, digest, spool.size, response.headers.get("content-type"), str(response.url))

    async def _refusal(self, response: httpx.Response, age: timedelta) -> ImageError:
        body = b""
        async for chunk in decode_body(response):
            body += chunk
            if len(body) >= _REFUSAL_BYTES:
                break
        return classify_refusal(
            response.status_code, response.headers, body[:_REFUSAL_BYTES], age=age, now=self._clock()
        )


def classify_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, age: timedelta, now: datetime
) -> ImageError:
    """Return the error for a response that is neither 200 nor a redirect, and whether to retry it.

    ``body`` is its beginning, ``age`` the time since the link was received.
    """
    if status in _MAY_BE_EXPIRED and _EXPIRED.search(body):
        return ImageError("asset_expired", f"The link has expired, says its host (HTTP {status}).")
    if status in (404, 410):
        young = status == 404 and age < YOUNG
        return ImageError("asset_not_found", f"The picture is not there (HTTP {status}).", retryable=young)
    if status in _FORBIDDEN:
        # An HTML page comes from a bot filter and may be gone next time; JSON or XML is the host's decision.
        page = _HTML_PAGE.match(body) is not None
        return ImageError(
            "asset_forbidden", f"The host refuses access to the picture (HTTP {status}).", retryable=page
        )
    wait = http_retry_after(headers.get("retry-after"), now)
    return ImageError(
        "asset_unreachable",
        f"The host answered HTTP {status} instead of the picture.",
        retryable=status in _BUSY or status < 400 or status >= 500,
        retry_after=None if wait is None else min(wait, LONGEST_WAIT.total_seconds()),
    )


def _text_instead_of_image(beginning: bytes) -> ImageError:
    """Return the error for a page or a message in place of the image; another attempt may get the image."""
    message = f"The host sent text instead of a picture: {beginning[:80]!r}."
    return ImageError("asset_not_image", message, retryable=True)
