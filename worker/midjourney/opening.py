"""Opening a task's pictures before it ends: a damaged one counts as one that did not come."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import features
from sqlalchemy import Row

from models.errors import NotFound
from worker.midjourney.grid import cell_of, compose
from worker.services import Tools

#: What we can decode. Others, such as HEIC and videos, were found whole when they came, and are believed.
_DECODED = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}) | (
    {"image/avif"} if features.check("avif") else set()
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The pictures that can be shown, and their grid if there are several."""

    pictures: Sequence[Row[Any]]
    grid: bytes | None = None


async def opened(tools: Tools, pictures: Sequence[Row[Any]]) -> Opened:
    """Read and decode pictures. Raises ``StorageError`` while the storage does not answer."""
    contents = [await _read(tools, each.key) if _decodes(each) else None for each in pictures]
    return await asyncio.to_thread(_opened, pictures, contents)


def _opened(pictures: Sequence[Row[Any]], contents: Sequence[bytes | None]) -> Opened:
    cells = [None if content is None else cell_of(content) for content in contents]
    found = [
        (each, cell)
        for each, cell in zip(pictures, cells, strict=True)
        if cell is not None or not _decodes(each)
    ]
    kept = [each for each, _ in found]
    return Opened(kept, compose([cell for _, cell in found]) if len(kept) > 1 else None)


def _decodes(picture: Row[Any]) -> bool:
    return picture.content_type in _DECODED


async def _read(tools: Tools, key: str) -> bytes | None:
    """Return what is stored; ``None`` if it is there no more."""
    try:
        return await tools.store.get(key)
    except NotFound:
        return None
