"""Content of an export as segments: literal bytes and spans of stored objects, listed in an index object.

Nothing is copied: a range is sent from the objects that it falls into, and the same export always has the
same bytes. A line of the index is ``[length, key, start]`` or ``[length, base64]``.
"""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from worker.cancellation import cancel_and_wait
from worker.images.limits import KIB
from worker.storage.store import Store

_LONGEST_LITERAL = 64 * KIB
_SMALL = 1024 * KIB  # bytes of a span that is read at once
_AHEAD = 8  # parts, half of them literal


class StoredSpan(NamedTuple):
    """Bytes of a stored object from ``start`` (inclusive) to ``end`` (exclusive)."""

    key: str
    start: int
    end: int


Part = bytes | StoredSpan


class SegmentWriter:
    """Writes the index into a file. ``size``: bytes of the content so far."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._literal = bytearray()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def add(self, part: Part) -> None:
        """Append bytes to the content."""
        if isinstance(part, StoredSpan):
            length = part.end - part.start
            if length:
                self._flush()
                self._write([length, part.key, part.start])
        else:
            length = len(part)
            self._literal += part
            if len(self._literal) >= _LONGEST_LITERAL:
                self._flush()
        self.size += length

    def close(self) -> None:
        """Write what is left."""
        if not self._file.closed:
            self._flush()
            self._file.close()

    def _flush(self) -> None:
        if self._literal:
            self._write([len(self._literal), base64.b64encode(self._literal).decode()])
            self._literal.clear()

    def _write(self, line: list[int | str]) -> None:
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


async def read_content(store: Store, index: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the content from ``start`` (inclusive) to ``end`` (exclusive), by the index object of this key.

    Some small spans are read ahead of what is sent. Raises ``NotFound`` where an object is gone, and
    ``StorageError``.
    """
    ahead: deque[tuple[Part, asyncio.Task[bytes] | None]] = deque()
    try:
        async for part in _parts(store, index, start, end):
            small = isinstance(part, StoredSpan) and part.end - part.start <= _SMALL
            ahead.append((part, asyncio.create_task(store.read_range(*part)) if small else None))
            while len(ahead) > _AHEAD:
                async for chunk in _read(store, *ahead.popleft()):
                    yield chunk
        while ahead:
            async for chunk in _read(store, *ahead.popleft()):
                yield chunk
    finally:
        await cancel_and_wait(*(task for _, task in ahead if task is not None))


async def own_objects(store: Store, index: str, prefix: str) -> dict[str, int]:
    """Return the keys with a prefix that an index names, with the bytes that each has at least.

    Raises ``NotFound`` without the index, and ``StorageError``.
    """
    found: dict[str, int] = {}
    async for line in _lines(store, index):
        length, *where = orjson.loads(line)
        if len(where) == 2 and where[0].startswith(prefix):
            found[where[0]] = max(found.get(where[0], 0), where[1] + length)
    return found


async def _read(store: Store, part: Part, task: asyncio.Task[bytes] | None) -> AsyncIterator[bytes]:
    if task is not None:
        yield await task
    elif isinstance(part, StoredSpan):
        async for chunk in store.stream(*part):
            yield chunk
    else:
        yield part


async def _parts(store: Store, index: str, start: int, end: int) -> AsyncIterator[Part]:
    """Yield the parts of a range."""
    offset = 0
    async for line in _lines(store, index):
        if offset >= end:
            return
        length, *where = orjson.loads(line)
        first, last = max(start - offset, 0), min(end - offset, length)
        offset += length
        if first >= last:
            continue
        if len(where) == 1:
            yield base64.b64decode(where[0])[first:last]
        else:
            key, begin = where
            yield StoredSpan(key, begin + first, begin + last)


async def _lines(store: Store, key: str) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in store.stream(key):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
