"""Colour palettes of the landscapes."""

from typing import NamedTuple

Colour = tuple[int, int, int]


class Palette(NamedTuple):
    """Colours of one landscape: top and bottom of the sky, light, and far and near land."""

    high: Colour
    low: Colour
    light: Colour
    far: Colour
    near: Colour


def _rgb(value: str) -> Colour:
    red, green, blue = bytes.fromhex(value)
    return red, green, blue


PALETTES = tuple(
    Palette(*map(_rgb, line.split()))
    for line in (
        "2b2d5b f7a072 ffe3b3 c46a6f 241b3a",  # dusk
        "3f6fa8 f6d8c2 fff6e0 8fa9bf 1f3550",  # clear morning
        "12355b 5fb3b3 fdf3d0 3f8e92 0b2338",  # lagoon
        "5b2a5e f29e9e ffe9d6 b6577b 2a1235",  # plum
        "1d4d4f e9c46a fff4cf 6f9f74 10302f",  # olive grove
        "0f1b3d 6a5acd f3e9ff 4b4a9c 0a1028",  # night violet
        "7a3b2e f4b860 fff1cf c8703f 33160f",  # desert
        "28536b c9e4ca fefae0 6fa08d 14303d",  # mist
        "31304d f0a6ca fff0f5 9a6f9f 1c1a31",  # blossom
        "0b3954 bfd7ea fffcf2 5a8fa8 06202f",  # north
    )
)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return the linear blend of two colours; ``share`` is 0 for the first, 1 for the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
