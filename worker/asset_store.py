"""Asset store: fetches, checks and stores images, content-addressed by their SHA-256."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row

from models.errors import ImageError
from models.queries.assets import NewAsset
from worker.download.downloader import NEW, Downloader, Fetched
from worker.images.base64_decoder import decode_base64
from worker.images.inspection import ImageInfo, inspect
from worker.images.limits import SMALL, Limits, too_large
from worker.storage.store import Store
from worker.upstream.parsing.image import ResultImage

_T = TypeVar("_T")


def content_key(sha256: str, extension: str) -> str:
    """Return the key of content in the object store: ``ab/cd/<sha256>.<extension>``."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}.{extension}"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the object store."""

    key: str  #: in the object store
    sha256: str  #: of its bytes, hex; equal images of one job are duplicates
    content_type: str
    extension: str  #: without the dot
    width: int | None  #: ``None`` only for videos without it
    height: int | None
    bytes: int  #: its size
    source_url: str | None  #: where it was fetched; ``None`` if it came inside the answer

    @classmethod
    def of(cls, sha256: str, info: ImageInfo, size: int, source_url: str | None = None) -> "StoredImage":
        """Describe an image that is stored under its content key."""
        key, width, height = content_key(sha256, info.extension), info.width, info.height
        return cls(key, sha256, info.content_type, info.extension, width, height, size, source_url)

    @classmethod
    def from_row(cls, asset: Row[Any]) -> "StoredImage":
        """Return the image of an asset."""
        return cls(**{field.name: getattr(asset, field.name) for field in fields(cls)})

    def as_asset(
        self,
        *,
        caller_id: UUID,
        at: datetime,
        job_id: UUID | None = None,
        position: int = 0,
        generation: int | None = None,
        unused_until: datetime | None = None,
    ) -> NewAsset:
        """Return a new asset of this image, which may be one of a job's."""
        return NewAsset(
            **asdict(self),
            caller_id=caller_id,
            job_id=job_id,
            position=position,
            generation=generation,
            created_at=at,
            unused_until=unused_until,
            check_due_at=at if job_id is not None else None,
        )


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """The bytes of an image that passed all checks and is not stored yet."""

    data: bytes
    stored: StoredImage  #: what it will be

    async def put(self, store: Store) -> StoredImage:
        """Store it. Raises ``StorageError``."""
        await store.put(self.stored.key, self.data, content_type=self.stored.content_type)
        return self.stored


def check_image(data: bytes, *, limits: Limits) -> CheckedImage:
    """Check an image by its bytes. Raises ``ImageError``."""
    if len(data) > limits.size:
        raise too_large(limits)
    info = inspect(data, limits=limits)
    return CheckedImage(data, StoredImage.of(hashlib.sha256(data).hexdigest(), info, len(data)))


def check_base64(text: str | bytes, *, limits: Limits) -> CheckedImage:
    """Decode an image from base64 or a data URL, and check it. Raises ``ImageError``."""
    return check_image(decode_base64(text, limits=limits), limits=limits)


def check_inline(image: ResultImage, *, limits: Limits) -> CheckedImage:
    """Check the bytes that came inside the answer. Raises ``ImageError``."""
    if (data := image.blob or image.spare) is not None:
        return check_image(data, limits=limits)
    return check_base64(image.data or "", limits=limits)


class AssetStore:
    """Stores images of the provider. Safe to repeat: nothing here makes a paid call.

    ``into`` is the folder for unfinished downloads; ``threads`` run what would block the event loop (by
    default the loop's own).
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
        """Fetch and store the image at ``url``, or else at the first of ``alternates`` that has it.

        ``age`` is the time since the provider gave the URLs. Raises ``ImageError`` (a retryable one, if any
        URL had one) and ``StorageError``.
        """
        errors: list[ImageError] = []
        for address in dict.fromkeys((url, *alternates)):
            try:
                fetched = await self._downloader.fetch(address, into=self._into, referer=referer, age=age)
                return await self._store_fetched(fetched, address)
            except ImageError as error:
                errors.append(error)
        raise next((error for error in errors if error.retryable), errors[0])

    async def check_inline(self, image: ResultImage) -> CheckedImage:
        """Check the bytes that came inside the answer. Raises ``ImageError``; needs no object store."""
        data = image.blob or image.spare or image.data or ""
        return await self._run(len(data), lambda: check_inline(image, limits=self._limits))

    async def put(self, image: CheckedImage) -> StoredImage:
        """Store a checked image. Raises ``StorageError``."""
        return await image.put(self._store)

    async def has(self, image: StoredImage) -> bool:
        """Return whether an image is in the object store. Raises ``StorageError``."""
        stat = await self._store.head(image.key)
        return stat is not None and stat.size == image.bytes

    async def store_base64(self, base64_text: str | bytes) -> StoredImage:
        """Store an image given as base64. Raises ``ImageError`` and ``StorageError``."""
        size = len(base64_text)
        return await self._store_checked(size, lambda: check_base64(base64_text, limits=self._limits))

    async def store_bytes(self, data: bytes) -> StoredImage:
        """Store an image given as bytes. Raises ``ImageError`` and ``StorageError``."""
        return await self._store_checked(len(data), lambda: check_image(data, limits=self._limits))

    async def _store_checked(self, size: int, check: Callable[[], CheckedImage]) -> StoredImage:
        checked = await self._run(size, check)
        return await checked.put(self._store)

    async def _store_fetched(self, fetched: Fetched, address: str) -> StoredImage:
        try:
            info = await self._run(fetched.size, lambda: inspect(fetched.body, limits=self._limits))
            stored = StoredImage.of(fetched.sha256, info, fetched.size, address)
            await self._store.put(stored.key, fetched.body, content_type=stored.content_type)
            return stored
        except ImageError as error:
            if error.code != "asset_truncated":
                raise
            raise ImageError(error.code, error.message, retryable=True) from error
        finally:
            if isinstance(file := fetched.body, Path):
                await self._off_loop(lambda: file.unlink(missing_ok=True))

    async def _run(self, size: int, work: Callable[[], _T]) -> _T:
        """Run small work on the event loop and the rest in a thread."""
        return work() if size <= SMALL else await self._off_loop(work)

    async def _off_loop(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
