"""Spool of a download: in memory while small, then in a ``.part`` file; hashed and size-capped on the way."""

import asyncio
import hashlib
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from worker.images.limits import KIB, Limits, too_large
from worker.storage.store_errors import translating_errors

_INLINE_HASH = 256 * KIB  #: bytes hashed on the event loop, in well under a millisecond


class SpooledFile:
    """Spooled body of one response. Leaving the context before ``finish`` removes its file.

    Files are written and hashed in ``threads``, a block of ``limits.memory`` bytes at a time.
    """

    def __init__(self, into: Path, limits: Limits, threads: Executor | None = None) -> None:
        self._path = into / f"{secrets.token_hex(16)}.part"
        self._limits, self._threads = limits, threads
        self._hash, self._buffer = hashlib.sha256(), bytearray()
        self._file: FileIO | None = None
        self._lock = threading.Lock()  # a cancelled write may still run in its thread during clean-up
        self._spilled = self._closed = self._finished = False
        self.size = 0  #: bytes so far

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spilled and not self._finished:
            await self._off_loop(self._remove)

    async def add(self, chunk: bytes) -> None:
        """Append a chunk. Raises ``ImageError`` above the size limit, ``StorageError`` if the disk fails."""
        self.size += len(chunk)
        if self.size > self._limits.size:
            raise too_large(self._limits)
        self._buffer += chunk
        if len(self._buffer) > self._limits.memory:
            await self._spill()

    async def finish(self) -> tuple[bytes | Path, str]:
        """Return the body (bytes, or a file that the caller now owns) and its SHA-256 in hex."""
        if self._spilled:
            await self._spill()
            await self._off_loop(self._close)
            self._finished = True
            return self._path, self._hash.hexdigest()
        body = bytes(self._buffer)
        if len(body) <= _INLINE_HASH:
            self._hash.update(body)
        else:
            await self._off_loop(lambda: self._hash.update(body))
        return body, self._hash.hexdigest()

    async def _spill(self) -> None:
        block, self._buffer, self._spilled = self._buffer, bytearray(), True
        with translating_errors("write a download", str(self._path.parent)):
            await self._off_loop(lambda: self._write(block))

    async def _off_loop(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _write(self, block: bytearray) -> None:
        with self._lock:
            if self._closed:
                return
            if self._file is None:
                self._path.parent.mkdir(exist_ok=True)  # clean-up may have removed an old empty folder
                self._file = FileIO(self._path, "x")
            self._hash.update(block)
            view = memoryview(block)
            while view:
                view = view[self._file.write(view) :]

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()

    def _remove(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)
