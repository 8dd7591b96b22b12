"""Grid of a task: its images are read and decoded one at a time, and composed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from PIL import Image
from sqlalchemy import Row

from models.errors import ImageError, NotFound
from worker.images.decode import DECODABLE
from worker.images.decode_process import decoding_memory
from worker.images.grid import compose_grid, decode_cell
from worker.services import WorkerServices

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
    """Read and decode images, without those that are damaged or deleted.

    Raises ``StorageError`` while the storage is unavailable.
    """
    cells = [cell for image in images if (cell := await _read_cell(services, image)) is not None]
    pixels = [cell.pixels for cell in cells]
    grid = await asyncio.to_thread(compose_grid, pixels) if len(cells) > 1 else None
    return DecodedImages([cell.image for cell in cells], grid)


async def _read_cell(services: WorkerServices, image: Row[Any]) -> _Cell | None:
    if image.content_type not in DECODABLE:
        return _Cell(image)
    async with services.memory.reservation() as memory:
        await memory.acquire(decoding_memory(image.bytes, image.width * image.height))
        content = await _read(services, image.key)
        return None if content is None else await _cell(services, image, content)


async def _cell(services: WorkerServices, image: Row[Any], content: bytes) -> _Cell | None:
    """Return the cell of an image; ``None`` if it is damaged. One that can't be opened here has no pixels."""
    try:
        return _Cell(image, await services.decoding.run(decode_cell, content))
    except ImageError as error:
        if error.code in ("asset_truncated", "asset_not_image"):
            return None
        _log.warning("an image is left out of its grid", key=image.key, error=error.message)
        return _Cell(image)


async def _read(services: WorkerServices, key: str) -> bytes | None:
    """Return a stored image; ``None`` if it was deleted."""
    try:
        return await services.store.get(key)
    except NotFound:
        return None
