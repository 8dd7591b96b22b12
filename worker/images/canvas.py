"""Pictures laid on larger canvases, and pictures with a hole: what models are given to fill in.

All of it decodes, and takes up to a second of CPU: call it off the event loop.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import InvalidRequest

MAX_SIDE = 2048  #: pixels of the longer side of what is made
_MOST = 40_000_000  # pixels of a picture that is decoded
_MARGIN = (128, 128, 128)
_SELECTED = 128  # the least brightness of a mask's selection
_UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError)


@dataclass(frozen=True, slots=True)
class Margins:
    """What is added around a picture, as shares of its own width and height."""

    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0


def pad(picture: bytes, margins: Margins) -> bytes:
    """Return the picture on a grey canvas with these margins, as PNG. Raises ``InvalidRequest``."""
    inner = _opened(picture)
    across, down = 1 + margins.left + margins.right, 1 + margins.top + margins.bottom
    scale = min(1.0, MAX_SIDE / max(inner.width * across, inner.height * down))
    width, height = max(1, round(inner.width * scale)), max(1, round(inner.height * scale))
    inner = inner.convert("RGBA").resize((width, height))
    canvas = Image.new("RGB", (max(1, round(width * across)), max(1, round(height * down))), _MARGIN)
    canvas.paste(inner, (round(width * margins.left), round(height * margins.top)), inner.getchannel("A"))
    return _png(canvas)


def cut_out(picture: bytes, mask: bytes) -> bytes:
    """Return the picture transparent where the mask is white, as PNG.

    A mask of another size is stretched. Raises ``InvalidRequest`` if one of the two can't be read, or if the
    mask selects nothing.
    """
    inner = _opened(picture).convert("RGBA")
    inner.thumbnail((MAX_SIDE, MAX_SIDE))
    selected = _selection(_opened(mask, field="maskBase64")).resize(inner.size, Image.Resampling.NEAREST)
    if selected.getbbox() is None:
        raise InvalidRequest("maskBase64", "the mask selects nothing: paint white what shall change")
    inner.putalpha(ImageOps.invert(selected))
    return _png(inner)


def apply_orientation(opened: Image.Image) -> Image.Image:
    """Return a picture turned as its EXIF data say; if they are damaged, as it lies."""
    try:
        return ImageOps.exif_transpose(opened)
    except Exception:  # noqa: BLE001 - damaged EXIF data fail as struct.error, TypeError and more
        return opened.copy()


def _selection(mask: Image.Image) -> Image.Image:
    """Return where a mask is white; what is transparent is not selected."""
    flat = Image.new("RGBA", mask.size, (0, 0, 0, 255))
    flat.alpha_composite(mask.convert("RGBA"))
    return flat.convert("L").point([255 if level >= _SELECTED else 0 for level in range(256)])


def _opened(content: bytes, *, field: str = "images") -> Image.Image:
    try:
        with Image.open(BytesIO(content)) as opened:
            if opened.width * opened.height > _MOST:
                raise InvalidRequest(field, f"may have at most {_MOST:,} pixels")
            return apply_orientation(opened)
    except _UNREADABLE as error:
        raise InvalidRequest(field, "this picture can't be opened; send it as PNG, JPEG or WebP") from error


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue()
