"""Size of a mask: that of the first image, as OpenAI's image edits require (API reference, ``mask``)."""

from models.errors import ImageError, InvalidRequest
from worker.images.base64_decoder import decode_base64
from worker.images.inspection import inspect
from worker.images.limits import Limits


def inline_size(image: str, limits: Limits) -> str | None:
    """Return the size of a data URL in pixels, such as ``1024x1024``; of no other image."""
    if not image.startswith("data:"):
        return None
    try:
        info = inspect(decode_base64(image.partition(",")[2], limits=limits), limits=limits)
    except ImageError:
        return None  # what is wrong with it is told when it is stored
    return f"{info.width}x{info.height}"


def require_same_size(mask: str | None, picture: str | None) -> None:
    """Raise ``InvalidRequest`` if both sizes are known and differ."""
    if mask and picture and mask != picture:
        words = f"has {mask} pixels, but the first picture has {picture}; they must be the same"
        raise InvalidRequest("mask", words)
