"""Objects in a folder, a bucket or memory, by way of obstore."""

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

CHUNK = 256 * KIB  #: bytes that a stream yields at once


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it."""

    size: int  #: bytes
    modified: datetime
    etag: str | None


class ObjectStore:
    """One obstore backend behind our interface (see ``worker.storage.store.Store``).

    A ``folder`` is written by ourselves in ``threads``, small files many at a time: a third of the CPU of
    obstore's async form, and a power cut leaves no half files. Everywhere, writes appear under their key
    complete or not at all.
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
        self._folder, self._convoys = folder, ThreadBatcher(threads)

    def __repr__(self) -> str:
        return f"<ObjectStore {self._place}>"

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        """Write an object whole. The same key again is harmless: keys name their content."""
        with translating_errors(f"write {key}", self._place):
            folder = self._folder
            if folder is None:
                attributes = {"Content-Type": content_type}
                await obstore.put_async(self._backend, key, source, attributes=attributes)
            elif isinstance(source, bytes) and len(source) <= SMALL:
                await self._convoys.run(lambda: folder.put(key, source))
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, folder.put, key, source)

    async def get(self, key: str) -> bytes:
        """Read an object whole. Raises ``NotFound``."""
        with translating_errors(f"read {key}", self._place), _absent(key):
            answer = await obstore.get_async(self._backend, key)
            return bytes(await answer.buffer_async())

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        """Read the bytes from ``start`` up to, but without, ``end``; less if the object ends before.

        Raises ``NotFound``, and ``StorageError`` if the object ends before ``start``.
        """
        if end <= start:
            return b""
        with translating_errors(f"read bytes {start} to {end} of {key}", self._place), _absent(key):
            return bytes(await obstore.get_range_async(self._backend, key, start=start, end=end))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to, but without, ``end`` (or the object's end) in chunks."""
        if end is not None and end <= start:
            return
        with translating_errors(f"read {key}", self._place), _absent(key):
            answer = await obstore.get_async(self._backend, key, options=_span(start, end))
            async for chunk in answer.stream(min_chunk_size=CHUNK):
                for at in range(0, len(chunk), CHUNK):
                    yield bytes(chunk[at : at + CHUNK])

    async def head(self, key: str) -> Stat | None:
        """Tell an object's size and age, or ``None`` if there is none."""
        with translating_errors(f"look up {key}", self._place):
            try:
                meta = await obstore.head_async(self._backend, key)
            except FileNotFoundError:
                return None
        return Stat(meta["size"], meta["last_modified"], meta["e_tag"])

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        with translating_errors(f"delete {key}", self._place):
            try:
                await obstore.delete_async(self._backend, key)
            except FileNotFoundError:
                return

    async def check(self) -> None:
        """Write, read and delete a small object. Raises ``StorageError`` with the fault and its fix."""
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


def _span(start: int, end: int | None) -> "GetOptions":
    """Say which bytes are wanted; all of an empty object can only be had by not saying it."""
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}


@contextmanager
def _absent(key: str) -> Iterator[None]:
    """Turn what obstore raises for a missing object into ``NotFound``."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no stored object {key}.") from error
