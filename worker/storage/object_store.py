"""Object store on obstore: S3, GCS, Azure, memory, or a local folder."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import obstore

from models.errors import NotFound, StorageError
from worker.images.limits import KIB, SMALL
from worker.storage.local_files import LocalFiles
from worker.storage.store_errors import translating_errors
from worker.storage.thread_batcher import ThreadBatcher

if TYPE_CHECKING:
    from obstore import GetOptions  # exists for type checkers only

CHUNK = 256 * KIB  #: most bytes of one chunk of a stream


@dataclass(frozen=True, slots=True)
class Stat:
    """Metadata of an object."""

    size: int  #: bytes
    modified: datetime
    etag: str | None


class ObjectStore:
    """One obstore backend as a ``worker.storage.store.Store``.

    Objects of a ``folder`` are written by ``LocalFiles`` in ``threads``, small ones in batches: a third of
    the CPU of obstore's async writes, and durable. On every backend a write is atomic.
    """

    def __init__(
        self,
        backend: obstore.store.ObjectStore,
        *,
        place: str,
        folder: LocalFiles | None = None,
        threads: Executor | None = None,
    ) -> None:
        self._backend, self._place, self._threads = backend, place, threads
        self._folder, self._batcher = folder, ThreadBatcher(threads)

    def __repr__(self) -> str:
        return f"<ObjectStore {self._place}>"

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        """Write an object atomically. Repeating it is harmless: keys are content hashes."""
        with translating_errors(f"write {key}", self._place):
            folder = self._folder
            if folder is None:
                attributes = {"Content-Type": content_type}
                await obstore.put_async(self._backend, key, source, attributes=attributes)
            elif isinstance(source, bytes) and len(source) <= SMALL:
                await self._batcher.run(lambda: folder.put(key, source))
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, folder.put, key, source)

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raises ``NotFound``."""
        with translating_errors(f"read {key}", self._place), _translating_not_found(key):
            result = await obstore.get_async(self._backend, key)
            return bytes(await result.buffer_async())

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` (inclusive) to ``end`` (exclusive), or to the object's end.

        Raises ``NotFound``, and ``StorageError`` if ``start`` is beyond the object's end.
        """
        if end <= start:
            return b""
        with (
            translating_errors(f"read bytes {start} to {end} of {key}", self._place),
            _translating_not_found(key),
        ):
            return bytes(await obstore.get_range_async(self._backend, key, start=start, end=end))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` (inclusive) to ``end`` (exclusive; none: all) in chunks."""
        if end is not None and end <= start:
            return
        with translating_errors(f"read {key}", self._place), _translating_not_found(key):
            result = await obstore.get_async(self._backend, key, options=_range_options(start, end))
            async for chunk in result.stream(min_chunk_size=CHUNK):
                for at in range(0, len(chunk), CHUNK):
                    yield bytes(chunk[at : at + CHUNK])

    async def head(self, key: str) -> Stat | None:
        """Return an object's metadata; ``None`` if it does not exist."""
        with translating_errors(f"look up {key}", self._place):
            try:
                meta = await obstore.head_async(self._backend, key)
            except FileNotFoundError:
                return None
        return Stat(meta["size"], meta["last_modified"], meta["e_tag"])

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        with translating_errors(f"delete {key}", self._place):
            try:
                await obstore.delete_async(self._backend, key)
            except FileNotFoundError:
                return

    async def check(self) -> None:
        """Write, read and delete a small object. Raises ``StorageError`` with the cause and its fix."""
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
        raise NotFound(f"There is no stored object {key}.") from error
