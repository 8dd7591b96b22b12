"""Grid: images reduced to cells, and composed into one JPEG, two by two."""

from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt

from PIL import Image

from worker.images.decode import decode_image

_MAX_SIDE = 1024  # pixels of a cell's longer side
_QUALITY = 92
_EMPTY = (24, 24, 26)  # colour of cells without an image
_BACKGROUND = (255, 255, 255)  # behind transparent images


def decode_cell(content: bytes) -> Image.Image:
    """Decode an image, reduced to the size of a cell. Raises ``ImageError``."""
    cell = _opaque(decode_image(content, side=_MAX_SIDE))
    cell.info = {}  # metadata may be as large as the file
    return cell


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


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    with_alpha = image.convert("RGBA")
    flat = Image.new("RGB", with_alpha.size, _BACKGROUND)
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    return flat
