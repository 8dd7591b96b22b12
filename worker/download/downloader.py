"""One picture, fetched from an address that somebody else chose."""

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
from worker.download.http_client import open_download_client
from worker.download.spool import SpooledFile
from worker.download.ssrf import AllowList
from worker.images.inspection import looks_like_text
from worker.images.limits import KIB, Limits, too_large
from worker.upstream.response_headers import http_retry_after

# What it means when a picture host answers with anything but the picture.

YOUNG = timedelta(seconds=60)  #: so long after the answer, a host may not have the picture yet
LONGEST_WAIT = timedelta(hours=1)  #: no host may make us wait longer

#: How OSS, S3, Azure, Google and TOS say that a signed link is over.
_EXPIRED = re.compile(
    rb"(has|have|is|was|url|link|signature|token)[\s_-]*expired|expired[\s_-]*(token|url|link|signature)"
    rb"|not valid in the specified time frame",
    re.IGNORECASE,
)
_MAY_BE_EXPIRED = frozenset({400, 401, 403, 404, 410})
_BUSY = frozenset({408, 409, 421, 423, 425, 429})


def classify_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, age: timedelta, now: datetime
) -> ImageError:
    """Turn an answer that is neither 200 nor a redirect into the error that says what to do next.

    ``body`` is its beginning, ``age`` how long ago the link was given to us.
    """
    if status in _MAY_BE_EXPIRED and _EXPIRED.search(body):
        return ImageError("asset_expired", f"The link has expired, says its host (HTTP {status}).")
    if status in (404, 410):
        young = status == 404 and age < YOUNG
        return ImageError("asset_not_found", f"The picture is not there (HTTP {status}).", retryable=young)
    if status in (401, 402, 403, 451):
        # A page is a guard's and may be gone next time; a message in JSON or XML is the host's last word.
        page = re.match(rb"\s*<(!doctype|html|head|body)", body, re.IGNORECASE) is not None
        return ImageError(
            "asset_forbidden", f"The host refuses to hand it out (HTTP {status}).", retryable=page
        )
    wait = http_retry_after(headers.get("retry-after"), now)
    return ImageError(
        "asset_unreachable",
        f"The host answered HTTP {status} instead of the picture.",
        retryable=status in _BUSY or status < 400 or status >= 500,
        retry_after=None if wait is None else min(wait, LONGEST_WAIT.total_seconds()),
    )


__all__ = ["Downloader", "Fetched", "open_download_client"]

HeaderProfile = Callable[[httpx.URL, str | None], Mapping[str, str]]

NEW = timedelta(0)  #: the age of a link that just came in
_RETRY_WITH_NEXT_PROFILE = frozenset(
    {"asset_forbidden", "asset_not_image"}
)  #: failures that other headers may cure
_REASON = 4 * KIB  #: bytes of a refusal that are read to understand it


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded body. A ``Path`` is a ``.part`` file that whoever holds this must remove."""

    body: bytes | Path
    sha256: str  #: hex
    size: int  #: bytes
    content_type: str | None  #: what the host claims; it lies in both directions
    url: str  #: where it finally was


class Downloader:
    """Fetches pictures through one guarded client (``open_download_client``) under one set of limits."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        allow: AllowList = AllowList(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        threads: Executor | None = None,
        clock: Clock = now,
    ) -> None:
        self._visitor = GuardedFetcher(client, allow=allow, limits=limits)
        self._limits, self._threads, self._clock = limits, threads, clock

    async def fetch(
        self, url: str, *, into: Path, referer: str | None = None, age: timedelta = NEW
    ) -> Fetched:
        """Fetch ``url`` into memory or into a file of the folder ``into``.

        A host that refuses is asked once more with other headers. ``age`` is how long ago the link was given
        to us: a young one may not be served yet. Raises ``PictureError``, or ``StorageError`` for ``into``.
        """
        try:
            async with asyncio.timeout(self._limits.total.total_seconds()):
                try:
                    return await self._follow(url, HEADER_PROFILES[0], into, referer, age)
                except ImageError as error:
                    if error.code not in _RETRY_WITH_NEXT_PROFILE:
                        raise
                return await self._follow(url, HEADER_PROFILES[1], into, referer, age)
        except TimeoutError as error:
            raise ImageError("asset_timeout", "The download took too long.", retryable=True) from error

    async def _follow(
        self, url: str, face: HeaderProfile, into: Path, referer: str | None, age: timedelta
    ) -> Fetched:
        async with self._visitor.get(url, lambda target: face(target, referer)) as response:
            if response.status_code == 200:
                return await self._spool(response, into)
            raise await self._refusal(response, age)

    async def _spool(self, response: httpx.Response, into: Path) -> Fetched:
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limits.size:
            raise too_large(self._limits)
        async with SpooledFile(into, self._limits, self._threads) as landing:
            async for chunk in decode_body(response):
                if not landing.size and looks_like_text(chunk):
                    raise _no_picture(chunk)
                await landing.add(chunk)
            body, digest = await landing.finish()
        return Fetched(body, digest, landing.size, response.headers.get("content-type"), str(response.url))

    async def _refusal(self, response: httpx.Response, age: timedelta) -> ImageError:
        reason = b""
        async for chunk in decode_body(response):
            reason += chunk
            if len(reason) >= _REASON:
                break
        return classify_refusal(
            response.status_code, response.headers, reason[:_REASON], age=age, now=self._clock()
        )


def _no_picture(beginning: bytes) -> ImageError:
    """Make the error for a page or a message instead of a picture; the next answer may be another."""
    words = f"The host sent text instead of a picture: {beginning[:80]!r}."
    return ImageError("asset_not_image", words, retryable=True)
