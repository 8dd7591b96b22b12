"""Pixel findings: what the pixels of a picture show, and its thumbnails, from one decoding."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image

from worker.images.decode import decode_image
from worker.images.perceptual_hash import difference_hash
from worker.images.thumbnails import SIDES, Thumbnail, make_thumbnails

_NICENESS = 10  # calls and downloads have the processor first
_SPREAD = 12  # levels of 256 within which a channel is one colour; lossy files of one colour spread so
_OUTLIERS = 0.0005  # share of the pixels that may lie outside, at each end
_VISIBLE = 8  # opacity of 255 from which a pixel is seen


@dataclass(frozen=True, slots=True)
class PixelFindings:
    """What the pixels of a picture show."""

    blank: bool  #: one colour, or nothing visible
    opaque: bool  #: no pixel lets anything through
    dhash: int  #: see ``worker.images.perceptual_hash``
    thumbnails: Sequence[Thumbnail]


def examine_in_background(content: bytes) -> PixelFindings:
    """Examine a picture in a process of low priority, which the caller has started for it."""
    _lower_priority()
    return examine_pixels(content)


def examine_pixels(content: bytes) -> PixelFindings:
    """Decode a picture, reduced to the largest thumbnail, and examine it. Raises ``ImageError``."""
    image = decode_image(content, side=max(SIDES))
    least, most = _opacity(image)
    return PixelFindings(
        blank=most < _VISIBLE or is_one_colour(image),
        opaque=least == 255,
        dhash=difference_hash(image),
        thumbnails=make_thumbnails(image),
    )


def _opacity(image: Image.Image) -> tuple[int, int]:
    """Return the least and the greatest opacity of a pixel, of 255."""
    if not image.has_transparency_data:
        return 255, 255
    counts = image.convert("RGBA").getchannel("A").histogram()
    return _end(counts, 0), _end(counts[::-1], 0, last=255)


def is_one_colour(image: Image.Image) -> bool:
    """Return whether all but a few pixels have about the same colour and opacity."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return all(_spread(channel.histogram()) <= _SPREAD for channel in image.convert(mode).split())


def _spread(histogram: Sequence[int]) -> int:
    """Return the levels between the darkest and the brightest pixels, without the outliers."""
    left_out = int(sum(histogram) * _OUTLIERS)
    return _end(histogram[::-1], left_out, last=255) - _end(histogram, left_out)


def _end(histogram: Sequence[int], left_out: int, last: int | None = None) -> int:
    passed = 0
    for level, count in enumerate(histogram):
        passed += count
        if passed > left_out:
            return level if last is None else last - level
    return 0


@cache
def _lower_priority() -> None:
    """Lower the priority of this process, once."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
