"""Decode an image: the one place where pixels are made of bytes, and where their number is limited.

A small file may declare a huge size, and each pixel takes four bytes, twice while it is scaled.
"""

from io import BytesIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from worker.images.formats.errors import not_image, truncated
from worker.images.inspection import inspect
from worker.images.limits import Limits

MAX_PIXELS = 40_000_000  #: of an image that is decoded: about 350 MB while it is scaled
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"} | (
    {"image/avif": "AVIF"} if features.check("avif") else {}
)
DECODABLE = frozenset(_FORMATS)  #: content types; others, such as HEIC and videos, can only be inspected
_LIMITS = Limits(pixels=MAX_PIXELS)
_UNSCALABLE = frozenset({"1", "P", "PA"})  # modes whose pixels can't be averaged
_DAMAGED = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError),
    Image.DecompressionBombError,
)


def decode_image(content: bytes, *, side: int | None) -> Image.Image:
    """Decode an image, upright, and reduce it to ``side`` pixels of its longer side; ``None``: do not.

    The size is read from the header first, and checked again. A hostile image takes minutes of CPU: call it
    in a ``DecodeProcess``. Raises ``ImageError`` with ``asset_too_large``,
    ``asset_truncated`` or ``asset_not_image``.
    """
    info = inspect(content, limits=_LIMITS)
    if info.content_type not in DECODABLE:
        raise not_image(f"{info.content_type} can't be decoded")
    try:
        with Image.open(BytesIO(content), formats=[_FORMATS[info.content_type]]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise not_image("it is larger than its header says")
            if side is not None:
                image.draft("RGB", (side, side))
            image.load()
            return _reduced(image.convert("RGBA") if image.mode in _UNSCALABLE else image, side)
    except _DAMAGED as error:
        raise truncated("it can't be decoded") from error


def _reduced(image: Image.Image, side: int | None) -> Image.Image:
    """Turn and reduce an image, in place as far as possible: a copy would take as much memory again."""
    upright = _upright(image)
    if side is not None:
        upright.thumbnail((side, side))
    return upright.copy()


def _upright(image: Image.Image) -> Image.Image:
    """Return an image rotated by its EXIF orientation; unrotated if the EXIF data are damaged."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # noqa: BLE001 - damaged EXIF data raise struct.error, TypeError and more
        return image
