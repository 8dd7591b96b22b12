"""Object store on obstore: S3, GCS, Azure, memory, or a local folder."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import obstore

from models.errors import NotFound, StorageError
from worker.images.limits import KIB, MIB, SMALL
from worker.metrics.storage_metrics import timed
from worker.storage.local_files import LocalFiles
from worker.storage.store_errors import MISSING_BUCKET, error_code, translating_errors
from worker.storage.thread_batcher import ThreadBatcher

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta  # exist for type checkers only

CHUNK = 256 * KIB  #: most bytes of one chunk of a stream
TIME_LIMIT = 75.0  #: seconds for one operation, longer than a bucket's client retries by itself
LEAST_FREE = 16 * MIB  #: bytes below which the disk of a folder counts as full
_SLOWEST = 256 * KIB  # bytes per second; an object gets more time by its size


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object as a listing shows it."""

    key: str
    size: int  #: bytes
    modified: datetime  #: when it was last put


@dataclass(frozen=True, slots=True)
class Stat:
    """Metadata of an object."""

    size: int  #: bytes
    modified: datetime
    etag: str | None


class ObjectStore:
    """One obstore backend as a ``worker.storage.store.Store``.

    Objects of a ``folder`` are written by ``LocalFiles`` in ``threads``, small ones in batches: a third of
    the CPU of obstore's async writes, and durable. On every backend a write is atomic. An operation fails
    that takes longer than ``time_limit`` seconds and the time for its bytes; a stalled write may still end.
    """

    def __init__(
        self,
        backend: obstore.store.ObjectStore,
        *,
        place: str,
        folder: LocalFiles | None = None,
        threads: Executor | None = None,
        time_limit: float = TIME_LIMIT,
        least_free: int = LEAST_FREE,
    ) -> None:
        self._backend, self._place, self._threads = backend, place, threads
        self._time_limit, self._least_free = time_limit, least_free
        self._folder, self._batcher = folder, ThreadBatcher(threads)

    def __repr__(self) -> str:
        return f"<ObjectStore {self._place}>"

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        """Write an object atomically. Repeating it is harmless, as keys are hashes, and renews its age."""
        action = f"write {key}"
        with translating_errors(action, self._place):
            size = _size_of(source)
        async with self._within_limit(action, size):
            folder = self._folder
            if folder is None:
                attributes = {"Content-Type": content_type}
                await obstore.put_async(self._backend, key, source, attributes=attributes)
            elif isinstance(source, bytes) and size <= SMALL:
                await self._batcher.run(lambda: folder.put_in_steps(key, source))
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, folder.put, key, source)

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raises ``NotFound``."""
        action = f"read {key}"
        async with self._within_limit(action):
            with _translating_not_found(key):
                result = await obstore.get_async(self._backend, key)
        async with self._within_limit(action, result.meta["size"]):
            return bytes(await result.buffer_async())

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` (inclusive) to ``end`` (exclusive), or to the object's end.

        Raises ``NotFound``, and ``StorageError`` if ``start`` is beyond the object's end.
        """
        if end <= start:
            return b""
        async with self._within_limit(f"read bytes {start} to {end} of {key}", end - start):
            with _translating_not_found(key):
                return bytes(await obstore.get_range_async(self._backend, key, start=start, end=end))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` (inclusive) to ``end`` (exclusive; none: all) in chunks."""
        if end is not None and end <= start:
            return
        action = f"read {key}"
        async with self._within_limit(action):
            with _translating_not_found(key):
                result = await obstore.get_async(self._backend, key, options=_range_options(start, end))
            chunks = aiter(result.stream(min_chunk_size=CHUNK))
        while True:
            async with self._within_limit(action):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            for at in range(0, len(chunk), CHUNK):
                yield bytes(chunk[at : at + CHUNK])

    async def head(self, key: str) -> Stat | None:
        """Return an object's metadata; ``None`` if it does not exist."""
        async with self._within_limit(f"look up {key}"):
            try:
                meta = await obstore.head_async(self._backend, key)
            except FileNotFoundError:
                return None
        return Stat(meta["size"], meta["last_modified"], meta["e_tag"])

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        async with self._within_limit(f"delete {key}"):
            try:
                await obstore.delete_async(self._backend, key)
            except FileNotFoundError:
                return

    async def list_files(self, prefix: str, *, after: str = "", limit: int) -> Sequence[StoredFile]:
        """Return the first objects below a prefix (``ab/``) whose key is greater than ``after``, by key."""
        async with self._within_limit(f"list {prefix}"):
            if self._folder is not None:
                folder, loop = self._folder, asyncio.get_running_loop()
                found = await loop.run_in_executor(self._threads, folder.list_files, prefix, after, limit)
                return [StoredFile(*each) for each in found]
            pages = obstore.list(self._backend, prefix, offset=after or None, chunk_size=limit)
            page: Sequence[ObjectMeta] = await anext(aiter(pages), [])
            return [StoredFile(meta["path"], meta["size"], meta["last_modified"]) for meta in page[:limit]]

    async def delete_older(self, key: str, before: datetime) -> bool:
        """Delete an object unless it was put at or after ``before``; return whether it did.

        Exact in a folder. In a bucket, a put between the look and the deletion, a few milliseconds, is lost.
        """
        if self._folder is None:
            stat = await self.head(key)
            if stat is None or stat.modified >= before:
                return False
            await self.delete(key)
            return True
        async with self._within_limit(f"delete {key}"):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._threads, self._folder.delete_older, key, before.timestamp()
            )

    def free_bytes(self) -> int | None:
        """Return how many bytes may still be written; ``None``: it is no folder, or can't be looked up."""
        try:
            return None if self._folder is None else self._folder.free_bytes()
        except OSError:
            return None

    async def check(self) -> None:
        """Write, read and delete a small object, which would fit on a disk that is all but full.

        Raises ``StorageError`` with the cause and its fix, also for a folder with little space left.
        """
        if self._folder is not None and (free := self._folder.free_bytes()) < self._least_free:
            raise StorageError(
                f"{self._place} has {free // MIB} MiB left, and the next images may not fit; "
                "free some space or point DARKROOM_STORAGE_URL to another disk."
            )
        key, content = f".check/{secrets.token_hex(8)}", b"darkroom"
        await self.put(key, content, content_type="application/octet-stream")
        try:
            if await self.get(key) != content:
                raise StorageError(
                    f"{self._place} does not give back what was written to it; check what serves it."
                )
        except NotFound as error:
            raise StorageError(f"{self._place} lost what was just written; check what serves it.") from error
        await self.delete(key)

    @asynccontextmanager
    async def _within_limit(self, action: str, size: int = 0) -> AsyncIterator[None]:
        """Translate the errors of an action, and end it when its time is over. Raises ``StorageError``."""
        limit = self._time_limit + size / _SLOWEST
        with timed(action), translating_errors(action, self._place):
            try:
                async with asyncio.timeout(limit):
                    yield
            except TimeoutError as error:
                message = f"Could not {action} in {self._place}: it did not answer within {limit:.0f} s."
                raise StorageError(message) from error


def _size_of(source: bytes | Path) -> int:
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def _range_options(start: int, end: int | None) -> "GetOptions":
    """Return the range option; none for a whole object, since an empty object has no valid range."""
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}


@contextmanager
def _translating_not_found(key: str) -> Iterator[None]:
    """Turn obstore's error for a missing object into ``NotFound``."""
    try:
        yield
    except FileNotFoundError as error:
        if error_code(error) in MISSING_BUCKET:
            raise
        raise NotFound(f"There is no stored object {key}.") from error
