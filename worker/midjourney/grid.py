"""Grid: decode the images of a task, and compose them into one JPEG, two by two."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, sqrt
from typing import Any

import structlog
from PIL import Image
from sqlalchemy import Row

from models.errors import ImageError, NotFound
from worker.images.decode import DECODABLE, decode_image
from worker.services import WorkerServices

_MAX_SIDE = 1024  # pixels of a cell's longer side
_QUALITY = 92
_EMPTY = (24, 24, 26)  # colour of cells without an image
_BACKGROUND = (255, 255, 255)  # behind transparent images
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DecodedImages:
    """The images that are undamaged, and their grid if there are several."""

    images: Sequence[Row[Any]]
    grid: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Cell:
    image: Row[Any]
    pixels: Image.Image | None = None  #: none: it can't be decoded, or is too large


async def decode_images(services: WorkerServices, images: Sequence[Row[Any]]) -> DecodedImages:
    """Read and decode images, without those that are damaged or deleted; one at a time in a process.

    Raises ``StorageError`` while the storage is unavailable.
    """
    async with services.decoding:
        cells = [cell for image in images if (cell := await _read_cell(services, image)) is not None]
        pixels = [cell.pixels for cell in cells]
        grid = await asyncio.to_thread(compose_grid, pixels) if len(cells) > 1 else None
    return DecodedImages([cell.image for cell in cells], grid)


async def _read_cell(services: WorkerServices, image: Row[Any]) -> _Cell | None:
    if image.content_type not in DECODABLE:
        return _Cell(image)
    content = await _read(services, image.key)
    return None if content is None else await asyncio.to_thread(_cell, image, content)


def decode_cell(content: bytes) -> Image.Image:
    """Decode an image, reduced to the size of a cell. Raises ``ImageError``. Takes up to a second of CPU."""
    return _opaque(decode_image(content, side=_MAX_SIDE))


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


def _cell(image: Row[Any], content: bytes) -> _Cell | None:
    """Return the cell of an image; ``None`` if it is damaged. One that is too large has no pixels."""
    try:
        return _Cell(image, decode_cell(content))
    except ImageError as error:
        if error.code != "asset_too_large":
            return None
        _log.warning("an image is left out of its grid", key=image.key, error=error.message)
        return _Cell(image)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    with_alpha = image.convert("RGBA")
    flat = Image.new("RGB", with_alpha.size, _BACKGROUND)
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return flat


async def _read(services: WorkerServices, key: str) -> bytes | None:
    """Return a stored image; ``None`` if it was deleted."""
    try:
        return await services.store.get(key)
    except NotFound:
        return None
