"""Perceptual hash of a picture: dHash of 64 bits, and its bands, by which similar pictures are found.

dHash (N. Krawetz, "Kind of Like That", 2013): the picture is reduced to 9 × 8 grey pixels; a bit says whether
a pixel is brighter than the one to its right.
"""

from PIL import Image

_BACKGROUND = 255  # behind transparent pictures
_COLUMNS, _ROWS = 8, 8


def difference_hash(image: Image.Image) -> int:
    """Return the dHash as a signed number of 64 bits, the first pixel in the highest bit."""
    grey = _flat(image).resize((_COLUMNS + 1, _ROWS), Image.Resampling.BOX)
    pixels = grey.tobytes()
    value = 0
    for row in range(_ROWS):
        begin = row * (_COLUMNS + 1)
        for column in range(_COLUMNS):
            value = value << 1 | (pixels[begin + column] > pixels[begin + column + 1])
    return value - 2**64 if value >= 2**63 else value


def _flat(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("L")
    with_alpha = image.convert("LA")
    flat = Image.new("L", image.size, _BACKGROUND)
    flat.paste(with_alpha.getchannel("L"), mask=with_alpha.getchannel("A"))
    return flat
