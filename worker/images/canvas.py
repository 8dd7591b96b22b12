"""Canvas extension and masks: input images for outpainting and inpainting.

Functions decode images and take up to a second of CPU: call them in a thread.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from models.errors import ImageError, InvalidRequest
from worker.images.decode import decode_image

MAX_SIDE = 2048  #: pixels of the longer side of a result
_MARGIN = (128, 128, 128)
_SELECTED = 128  # brightness from which a mask selects a pixel


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins around an image, as shares of its width and height."""

    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0


def pad(picture: bytes, margins: Margins) -> bytes:
    """Return the image on a grey canvas with these margins, as PNG. Raises ``InvalidRequest``."""
    inner = open_image(picture)
    across, down = 1 + margins.left + margins.right, 1 + margins.top + margins.bottom
    scale = min(1.0, MAX_SIDE / max(inner.width * across, inner.height * down))
    width, height = max(1, round(inner.width * scale)), max(1, round(inner.height * scale))
    inner = inner.convert("RGBA").resize((width, height))
    canvas = Image.new("RGB", (max(1, round(width * across)), max(1, round(height * down))), _MARGIN)
    canvas.paste(inner, (round(width * margins.left), round(height * margins.top)), inner.getchannel("A"))
    return _png(canvas)


def cut_out(picture: bytes, mask: bytes) -> bytes:
    """Return the image, transparent where the mask is white, as PNG.

    A mask of another size is stretched. Raises ``InvalidRequest`` if image or mask can't be read, or the mask
    selects nothing.
    """
    inner = open_image(picture).convert("RGBA")
    selected = _selection(open_image(mask, field="maskBase64")).resize(inner.size, Image.Resampling.NEAREST)
    if selected.getbbox() is None:
        raise InvalidRequest("maskBase64", "the mask selects nothing: paint white what shall change")
    inner.putalpha(ImageOps.invert(selected))
    return _png(inner)


def masked(picture: bytes, mask: bytes) -> bytes:
    """Return the image, transparent where the mask is transparent, as PNG.

    That is what a mask of OpenAI's image edits means. A mask of another size is stretched. Raises
    ``InvalidRequest`` if image or mask can't be read, or no part of the mask is transparent.
    """
    inner = open_image(picture).convert("RGBA")
    opened = open_image(mask, field="mask")
    if not is_transparent(opened):
        raise InvalidRequest("mask", "no part of it is transparent: make transparent what shall change")
    inner.putalpha(opened.convert("RGBA").getchannel("A").resize(inner.size))
    return _png(inner)


def is_transparent(image: Image.Image) -> bool:
    """Return whether any pixel is not fully opaque."""
    return image.convert("RGBA").getchannel("A").histogram()[255] < image.width * image.height


def _selection(mask: Image.Image) -> Image.Image:
    """Return the selection of a mask: its white, opaque pixels."""
    flat = Image.new("RGBA", mask.size, (0, 0, 0, 255))
    flat.alpha_composite(mask.convert("RGBA"))
    return flat.convert("L").point([255 if level >= _SELECTED else 0 for level in range(256)])


def open_image(content: bytes, *, field: str = "images", side: int | None = MAX_SIDE) -> Image.Image:
    """Return a decoded image, upright and reduced to its longer side. Raises ``InvalidRequest``."""
    try:
        return decode_image(content, side=side)
    except ImageError as error:
        hint = "" if error.code == "asset_too_large" else " Send it as PNG, JPEG or WebP."
        raise InvalidRequest(field, f"this picture can't be opened: {error.message}{hint}") from error


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue()
