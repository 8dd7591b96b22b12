"""One picture of several: two by two, as clients of Midjourney know it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from typing import Any

from PIL import Image, UnidentifiedImageError, features
from sqlalchemy import Row

from models.errors import NotFound
from worker.images.canvas import upright
from worker.services import WorkerServices

_SIDE = 1024  # pixels of one picture's longer side at most
_QUALITY = 92
_EMPTY = (24, 24, 26)
_BEHIND = (255, 255, 255)  # what shines through transparent pictures
_UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def compose(cells: Sequence[Image.Image | None]) -> bytes | None:
    """Return pictures side by side and below each other, as JPEG; ``None`` if there is none.

    The place of one that is not there stays dark.
    """
    drawn = [cell for cell in cells if cell is not None]
    if not drawn:
        return None
    width, height = (max(cell.size[axis] for cell in drawn) for axis in (0, 1))
    columns = ceil(sqrt(len(cells)))
    rows = ceil(len(cells) / columns)
    grid = Image.new("RGB", (columns * width, rows * height), _EMPTY)
    for number, cell in enumerate(cells):
        if cell is not None:
            left, top = number % columns * width, number // columns * height
            grid.paste(cell, (left + (width - cell.width) // 2, top + (height - cell.height) // 2))
    out = BytesIO()
    grid.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def cell_of(picture: bytes) -> Image.Image | None:
    """Decode a picture and make it small enough for a grid; ``None`` if it can't be read.

    It takes up to a quarter of a second of CPU.
    """
    try:
        with Image.open(BytesIO(picture)) as opened:
            opened.draft("RGB", (_SIDE, _SIDE))
            turned = upright(opened)
            turned.thumbnail((_SIDE, _SIDE))
            return _opaque(turned)
    except _UNREADABLE:
        return None


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    with_alpha = picture.convert("RGBA")
    flat = Image.new("RGB", with_alpha.size, _BEHIND)
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return flat


# Opening a task's pictures before it ends: a damaged one counts as one that did not come.

#: What we can decode. Others, such as HEIC and videos, were found whole when they came, and are believed.
_DECODED = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}) | (
    {"image/avif"} if features.check("avif") else set()
)


@dataclass(frozen=True, slots=True)
class DecodedImages:
    """The pictures that can be shown, and their grid if there are several."""

    pictures: Sequence[Row[Any]]
    grid: bytes | None = None


async def decode_images(services: WorkerServices, pictures: Sequence[Row[Any]]) -> DecodedImages:
    """Read and decode pictures. Raises ``StorageError`` while the storage does not answer."""
    contents = [await _read(services, each.key) if _decodes(each) else None for each in pictures]
    return await asyncio.to_thread(_opened, pictures, contents)


def _opened(pictures: Sequence[Row[Any]], contents: Sequence[bytes | None]) -> DecodedImages:
    cells = [None if content is None else cell_of(content) for content in contents]
    found = [
        (each, cell)
        for each, cell in zip(pictures, cells, strict=True)
        if cell is not None or not _decodes(each)
    ]
    kept = [each for each, _ in found]
    return DecodedImages(kept, compose([cell for _, cell in found]) if len(kept) > 1 else None)


def _decodes(picture: Row[Any]) -> bool:
    return picture.content_type in _DECODED


async def _read(services: WorkerServices, key: str) -> bytes | None:
    """Return what is stored; ``None`` if it is there no more."""
    try:
        return await services.store.get(key)
    except NotFound:
        return None
