"""Keys of thumbnails in the object store: beside the picture, and in use as long as an asset names that."""

import re

CONTENT_TYPE = "image/webp"
_KEY = re.compile(r"(?P<picture>.+)\.[0-9]{2,4}\.webp")


def thumbnail_key(key: str, side: int) -> str:
    """Return the key of a thumbnail, by its picture's: ``ab/cd/<sha256>.png.320.webp``.

    ``side``: pixels of its longer side.
    """
    return f"{key}.{side}.webp"


def picture_key(key: str) -> str:
    """Return the key of the picture of a thumbnail; any other key is its own."""
    match = _KEY.fullmatch(key)
    return match["picture"] if match else key
