"""Shrink an input image to the size in bytes that a provider takes.

Functions decode images and take up to a second of CPU: call them in a thread.
"""

from io import BytesIO

from PIL import Image

from models.errors import InvalidRequest
from worker.images.canvas import is_transparent, open_image

_QUALITIES = (90, 80, 70)  # of JPEG, tried before the sides are halved
_SMALLEST = 64  # pixels of the longer side: nothing useful is smaller


def shrink(picture: bytes, most: int) -> tuple[bytes, str]:
    """Return an image of at most ``most`` bytes, as JPEG, or as PNG if it is transparent; with its type.

    The quality is lowered first, then the sides are halved. Raises ``InvalidRequest`` if the image can't be
    read, or can't be made so small.
    """
    image = open_image(picture, side=None)
    transparent = image.has_transparency_data and is_transparent(image)
    while max(image.size) >= _SMALLEST:
        for content, content_type in _encodings(image, transparent=transparent):
            if len(content) <= most:
                return content, content_type
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    raise InvalidRequest("images", f"this picture can't be made as small as {most:,} bytes")


def _encodings(image: Image.Image, *, transparent: bool) -> list[tuple[bytes, str]]:
    if transparent:
        return [(_encoded(image.convert("RGBA"), "PNG"), "image/png")]
    flat = image.convert("RGB")
    return [(_encoded(flat, "JPEG", quality=quality), "image/jpeg") for quality in _QUALITIES]


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
