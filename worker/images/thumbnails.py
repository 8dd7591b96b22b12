"""Thumbnails: a decoded picture reduced to WebP files. They have no metadata, and so no C2PA manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

SIDES = (320, 960)  #: pixels of the longer side; a smaller picture is not enlarged
_QUALITY = 80
_METHOD = 2  # of the encoder, 0 to 6: three times as fast as its default, for files that are a little larger


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A thumbnail file."""

    side: int  #: one of ``SIDES``
    width: int
    height: int
    content: bytes


def make_thumbnails(image: Image.Image) -> Sequence[Thumbnail]:
    """Return the thumbnails of a picture, which is reduced to at least the largest side already."""
    found = []
    for side in SIDES:
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail((side, side))
        small.info = {}
        out = BytesIO()
        small.save(out, "WEBP", quality=_QUALITY, method=_METHOD)
        found.append(Thumbnail(side, small.width, small.height, out.getvalue()))
    return found
