"""Grid: decode the images of a task, and compose them into one JPEG, two by two."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from typing import Any

from PIL import Image, UnidentifiedImageError, features
from sqlalchemy import Row

from models.errors import NotFound
from worker.images.canvas import apply_orientation
from worker.services import WorkerServices

_MAX_SIDE = 1024  # pixels of a cell's longer side
_QUALITY = 92
_EMPTY = (24, 24, 26)  # colour of cells without an image
_BACKGROUND = (255, 255, 255)  # behind transparent images
_DECODE_ERRORS = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)

_DECODABLE = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}) | (
    {"image/avif"} if features.check("avif") else set()
)
"""Content types that we can decode. Others, such as HEIC and videos, were checked when they were stored."""


@dataclass(frozen=True, slots=True)
class DecodedImages:
    """The images that are undamaged, and their grid if there are several."""

    images: Sequence[Row[Any]]
    grid: bytes | None = None


async def decode_images(services: WorkerServices, images: Sequence[Row[Any]]) -> DecodedImages:
    """Read and decode images, without those that are damaged or deleted.

    Raises ``StorageError`` while the storage is unavailable.
    """
    contents = [await _read(services, image.key) if _is_decodable(image) else None for image in images]
    return await asyncio.to_thread(_decode, images, contents)


def decode_cell(content: bytes) -> Image.Image | None:
    """Decode an image, reduced to the size of a cell; ``None`` if it is damaged.

    Takes up to 0.25 s of CPU.
    """
    try:
        with Image.open(BytesIO(content)) as opened:
            opened.draft("RGB", (_MAX_SIDE, _MAX_SIDE))
            turned = apply_orientation(opened)
            turned.thumbnail((_MAX_SIDE, _MAX_SIDE))
            return _opaque(turned)
    except _DECODE_ERRORS:
        return None


def compose_grid(cells: Sequence[Image.Image | None]) -> bytes | None:
    """Return a square grid of cells as JPEG, dark where a cell is ``None``; ``None`` if all are."""
    present = [cell for cell in cells if cell is not None]
    if not present:
        return None
    width, height = (max(cell.size[axis] for cell in present) for axis in (0, 1))
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


def _decode(images: Sequence[Row[Any]], contents: Sequence[bytes | None]) -> DecodedImages:
    cells = [None if content is None else decode_cell(content) for content in contents]
    undamaged = [
        (image, cell)
        for image, cell in zip(images, cells, strict=True)
        if cell is not None or not _is_decodable(image)
    ]
    grid = compose_grid([cell for _, cell in undamaged]) if len(undamaged) > 1 else None
    return DecodedImages([image for image, _ in undamaged], grid)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    with_alpha = image.convert("RGBA")
    flat = Image.new("RGB", with_alpha.size, _BACKGROUND)
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return flat


def _is_decodable(image: Row[Any]) -> bool:
    return image.content_type in _DECODABLE


async def _read(services: WorkerServices, key: str) -> bytes | None:
    """Return a stored image; ``None`` if it was deleted."""
    try:
        return await services.store.get(key)
    except NotFound:
        return None
