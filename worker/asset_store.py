"""Bring a picture home: from its address or its text into the store, checked, under its content hash."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from models.errors import ImageError
from worker.download.downloader import NEW, Downloader, Fetched
from worker.download.spool import too_large
from worker.images.base64_decoder import decode_base64
from worker.images.inspection import ImageInfo, inspect
from worker.images.limits import SMALL, Limits
from worker.storage.store import Store

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture that is in the store for good."""

    key: str  #: where in the store
    sha256: str  #: of its bytes, hex; equal pictures of one job are duplicates
    content_type: str
    extension: str  #: without the dot
    width: int | None  #: ``None`` only for videos that do not tell
    height: int | None
    bytes: int  #: its size
    source_url: str | None  #: the address it came from; ``None`` if it came inside the answer


class AssetStore:
    """Brings pictures home. It can be asked again at will: nothing here repeats a paid call.

    ``into`` is the folder for unfinished downloads; ``threads`` do what would hold up the loop (by default
    the loop's own).
    """

    def __init__(
        self,
        store: Store,
        downloader: Downloader,
        *,
        into: Path,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        threads: Executor | None = None,
    ) -> None:
        self._store, self._downloader, self._into = store, downloader, into
        self._limits, self._threads = limits, threads

    async def store_url(
        self, url: str, alternates: Sequence[str] = (), *, referer: str | None = None, age: timedelta = NEW
    ) -> StoredImage:
        """Bring the picture at ``url``, or else at the first of ``alternates`` that has it.

        ``age`` is how long ago the links were given to us. Raises ``PictureError`` (the most hopeful of those
        met) and ``StorageError``.
        """
        errors: list[ImageError] = []
        for address in dict.fromkeys((url, *alternates)):
            try:
                fetched = await self._downloader.fetch(address, into=self._into, referer=referer, age=age)
                return await self._store_fetched(fetched, address)
            except ImageError as error:
                errors.append(error)
        raise next((error for error in errors if error.retryable), errors[0])

    async def store_base64(self, base64_text: str | bytes) -> StoredImage:
        """Bring a picture that came as base64. Raises ``PictureError`` and ``StorageError``."""

        def unpack() -> tuple[bytes, str, ImageInfo]:
            return self._checked(decode_base64(base64_text, limits=self._limits))

        data, digest, facts = await self._run(len(base64_text), unpack)
        return await self._put(data, len(data), digest, facts, None)

    async def store_bytes(self, data: bytes) -> StoredImage:
        """Bring a picture that is here already. Raises ``PictureError`` and ``StorageError``."""
        if len(data) > self._limits.size:
            raise too_large(self._limits)
        _, digest, facts = await self._run(len(data), lambda: self._checked(data))
        return await self._put(data, len(data), digest, facts, None)

    def _checked(self, data: bytes) -> tuple[bytes, str, ImageInfo]:
        return data, hashlib.sha256(data).hexdigest(), inspect(data, limits=self._limits)

    async def _store_fetched(self, fetched: Fetched, address: str) -> StoredImage:
        try:
            facts = await self._run(fetched.size, lambda: inspect(fetched.body, limits=self._limits))
            return await self._put(fetched.body, fetched.size, fetched.sha256, facts, address)
        except ImageError as error:
            if error.code != "asset_truncated":
                raise
            raise ImageError(error.code, error.message, retryable=True) from error
        finally:
            if isinstance(file := fetched.body, Path):
                await self._off_loop(lambda: file.unlink(missing_ok=True))

    async def _put(
        self, source: bytes | Path, size: int, digest: str, facts: ImageInfo, address: str | None
    ) -> StoredImage:
        key = f"{digest[:2]}/{digest[2:4]}/{digest}.{facts.extension}"
        await self._store.put(key, source, content_type=facts.content_type)
        return StoredImage(
            key, digest, facts.content_type, facts.extension, facts.width, facts.height, size, address
        )

    async def _run(self, size: int, work: Callable[[], _T]) -> _T:
        """Do small work at once and the rest in a thread."""
        return work() if size <= SMALL else await self._off_loop(work)

    async def _off_loop(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
