"""Scenes: landscapes composed from a palette and a random generator."""

import math
import random
from collections.abc import Callable

from PIL import Image

from worker.practice.drawing.palettes import Colour, Palette, blend
from worker.practice.drawing.shapes import (
    Points,
    disc,
    dot,
    glow,
    gradient,
    polygon,
    rounded_rectangle,
    shade,
)

Scene = Callable[[Image.Image, Palette, random.Random], None]


def hills(picture: Image.Image, palette: Palette, dice: random.Random) -> None:
    """Draw a low sun over ranges of hills, darker in the foreground."""
    width, height = picture.size
    unit = min(width, height)
    x, y = width * dice.uniform(0.2, 0.8), height * dice.uniform(0.26, 0.42)
    radius = unit * dice.uniform(0.07, 0.13)
    glow(picture, palette.light, x, y, radius * 4, strength=0.8)
    disc(picture, palette.light, x, y, radius)
    ranges = dice.randint(4, 5)
    for index in range(ranges):
        depth = index / (ranges - 1)
        level, tall = height * (0.46 + 0.38 * depth), unit * (0.05 + 0.03 * depth)
        outline = _ridge(picture, dice, level=level, tall=tall, waves=1.6 - 0.7 * depth)
        polygon(picture, blend(palette.far, palette.near, depth**0.8), outline)


def _ridge(picture: Image.Image, dice: random.Random, *, level: float, tall: float, waves: float) -> Points:
    """Return the outline of a range of hills, closed along the bottom edge."""
    width, step = picture.width, max(picture.width // 64, 1)
    swings = [
        (dice.uniform(0.6, 1.4) * waves * turn, dice.uniform(0, 6.3), 1 / turn) for turn in (1, 2.3, 4.7)
    ]
    outline: list[tuple[float, float]] = []
    for x in range(0, width + step, step):
        swing = sum(part * math.sin(turns * 6.283 * x / width + phase) for turns, phase, part in swings)
        outline.append((x, level - tall * swing / 1.6))
    return [*outline, (width + step, picture.height + 1), (0, picture.height + 1)]


def sea(picture: Image.Image, palette: Palette, dice: random.Random) -> None:
    """Draw a sun setting into the sea, and its reflection."""
    width, height = picture.size
    unit = min(width, height)
    x, horizon = width * dice.uniform(0.3, 0.7), int(height * dice.uniform(0.5, 0.6))
    radius = unit * dice.uniform(0.15, 0.22)
    glow(picture, palette.light, x, horizon, radius * 3, strength=0.8)
    disc(picture, palette.light, x, horizon - radius * dice.uniform(0.1, 0.5), radius)
    water = gradient((width, height - horizon), blend(palette.far, palette.low, 0.35), palette.near)
    picture.paste(water, (0, horizon))
    rows = 11
    for row in range(rows):
        y = horizon + (height - horizon) * ((row + 0.6) / rows) ** 1.4
        half = radius * dice.uniform(0.35, 1.05) * (1 - 0.45 * row / rows)
        middle = x + dice.uniform(-0.18, 0.18) * radius
        box = (middle - half, y, middle + half, y + unit * (0.005 + 0.008 * row / rows))
        rounded_rectangle(picture, palette.light, box, opacity=0.85 - 0.6 * row / rows)


def planets(picture: Image.Image, palette: Palette, dice: random.Random) -> None:
    """Draw a ringed planet and its moons among stars."""
    width, height = picture.size
    unit = min(width, height)
    picture.paste(gradient(picture.size, palette.near, blend(palette.high, palette.far, 0.4)))
    for _ in range(90):
        opacity = dice.uniform(0.2, 0.95)
        dot(picture, palette.light, dice.uniform(0, width), dice.uniform(0, height * 0.8), opacity=opacity)
    x, y = width * dice.uniform(0.35, 0.65), height * dice.uniform(0.34, 0.46)
    radius = unit * dice.uniform(0.17, 0.23)
    glow(picture, palette.low, x, y, radius * 2.6, strength=0.6)
    disc(picture, palette.low, x, y, radius)
    shade(picture, palette.near, x, y, radius)
    tilt = dice.uniform(-0.5, 0.5)
    for inner, outer, opacity in ((1.42, 1.66, 0.75), (1.72, 1.82, 0.45)):
        band = [*_orbit(x, y, radius * outer, tilt), *reversed(_orbit(x, y, radius * inner, tilt))]
        polygon(picture, palette.light, band, opacity=opacity)
    for _ in range(dice.randint(1, 3)):
        turn, far = dice.uniform(0, 6.3), radius * dice.uniform(1.9, 2.3)
        colour, ball = (
            blend(palette.light, palette.far, dice.random() * 0.7),
            radius * dice.uniform(0.08, 0.16),
        )
        disc(picture, colour, x + far * math.cos(turn), y + far * math.sin(turn) * 0.7, ball)


def _orbit(x: float, y: float, radius: float, tilt: float) -> list[tuple[float, float]]:
    """Return the visible part of a tilted orbit around a planet."""
    points = []
    for step in range(-38, 219, 4):
        across = radius * math.cos(math.radians(step))
        along = radius * 0.3 * math.sin(math.radians(step))
        points.append((x + across - along * math.sin(tilt), y + along + across * math.sin(tilt)))
    return points


def arches(picture: Image.Image, palette: Palette, dice: random.Random) -> None:
    """Draw nested arches under a sun."""
    width, height = picture.size
    unit = min(width, height)
    aside = dice.choice((0.16, 0.84))
    x, y, sun = width * aside, height * dice.uniform(0.14, 0.2), unit * dice.uniform(0.06, 0.09)
    glow(picture, palette.light, x, y, sun * 3.5, strength=0.6)
    disc(picture, palette.light, x, y, sun)
    middle = width * (0.5 + (0.5 - aside) * dice.uniform(0, 0.35))
    rings, outer = dice.randint(5, 6), unit * dice.uniform(0.44, 0.52)
    rise = height * dice.uniform(0.3, 0.38)
    for index in range(rings):
        radius = outer * (1 - index / (rings + 1.2))
        top = rise + (outer - radius) * 0.9
        box = (middle - radius, top, middle + radius, height + radius * 2)
        rounded_rectangle(picture, _ramp(palette, (index + 0.3) / rings), box, radius=radius)


def _ramp(palette: Palette, share: float) -> Colour:
    """Return a colour of the gradient from the land over the low sky to the light."""
    stops = (palette.near, palette.far, palette.low, palette.light)
    index = min(int(share * 3), 2)
    return blend(stops[index], stops[index + 1], share * 3 - index)


SCENES: tuple[Scene, ...] = (hills, sea, planets, arches)
