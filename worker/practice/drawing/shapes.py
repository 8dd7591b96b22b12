"""Anti-aliased shapes: each is drawn at twice its size into a mask, which is scaled down."""

from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageOps

from worker.practice.drawing.palettes import Colour

Points = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]


def gradient(size: tuple[int, int], high: Colour, low: Colour) -> Image.Image:
    """Return an image with a vertical gradient between two colours."""
    column = Image.linear_gradient("L").resize((1, size[1]))
    return ImageOps.colorize(column, high, low).resize(size, Image.Resampling.NEAREST)


class _Mask:
    """Mask of the area that a shape covers, at twice its size."""

    def __init__(self, picture: Image.Image, box: Box) -> None:
        left, top = max(int(box[0]), 0), max(int(box[1]), 0)
        right, bottom = min(int(box[2]) + 2, picture.width), min(int(box[3]) + 2, picture.height)
        self._picture, self._corner = picture, (left, top)
        self._image = Image.new("L", (max(right - left, 1) * 2, max(bottom - top, 1) * 2))
        self.pen = ImageDraw.Draw(self._image)

    def doubled(self, points: Points) -> list[tuple[float, float]]:
        """Convert points of the image to points of the mask."""
        left, top = self._corner
        return [((x - left) * 2, (y - top) * 2) for x, y in points]

    def fill(self, colour: Colour) -> None:
        self._picture.paste(colour, self._corner, self._image.reduce(2))


def polygon(picture: Image.Image, colour: Colour, points: Points, *, opacity: float = 1) -> None:
    """Fill a polygon."""
    across, down = [x for x, _ in points], [y for _, y in points]
    mask = _Mask(picture, (min(across), min(down), max(across), max(down)))
    mask.pen.polygon(mask.doubled(points), fill=round(255 * opacity))
    mask.fill(colour)


def disc(
    picture: Image.Image, colour: Colour, x: float, y: float, radius: float, *, opacity: float = 1
) -> None:
    """Fill a circle."""
    box = (x - radius, y - radius, x + radius, y + radius)
    mask = _Mask(picture, box)
    mask.pen.ellipse(mask.doubled([box[:2], box[2:]]), fill=round(255 * opacity))
    mask.fill(colour)


def rounded_rectangle(
    picture: Image.Image, colour: Colour, box: Box, *, radius: float | None = None, opacity: float = 1
) -> None:
    """Fill a rectangle with rounded corners; the default radius is half its height."""
    mask = _Mask(picture, box)
    round_by = (box[3] - box[1]) / 2 if radius is None else radius
    corners = mask.doubled([box[:2], box[2:]])
    mask.pen.rounded_rectangle(corners, radius=round_by * 2, fill=round(255 * opacity))
    mask.fill(colour)


def dot(picture: Image.Image, colour: Colour, x: float, y: float, *, opacity: float) -> None:
    """Tint one pixel."""
    picture.paste(colour, (int(x), int(y)), Image.new("L", (1, 1), round(255 * opacity)))


def glow(picture: Image.Image, colour: Colour, x: float, y: float, radius: float, *, strength: float) -> None:
    """Draw a radial light around a point, fading towards its edge."""
    side = int(radius * 2)
    picture.paste(
        colour, (int(x - radius), int(y - radius)), _halo(round(strength * 20)).resize((side, side))
    )


@lru_cache(maxsize=20)
def _halo(strength: int) -> Image.Image:
    """Return a radial fade; Pillow's gradient is 255 at the corners, 180 in the middle of the sides."""
    fade = [(max(0, 180 - level) / 180) ** 2 for level in range(256)]
    return Image.radial_gradient("L").point([round(255 * strength / 20 * share) for share in fade])


def shade(picture: Image.Image, colour: Colour, x: float, y: float, radius: float) -> None:
    """Darken the side of a ball that is turned away from the light."""
    side = max(int(radius * 2), 1)
    picture.paste(colour, (int(x - radius), int(y - radius)), _crescent().resize((side, side)))


@lru_cache(maxsize=1)
def _crescent() -> Image.Image:
    ball = Image.new("L", (512, 512))
    ImageDraw.Draw(ball).ellipse((0, 0, 511, 511), fill=255)
    dark = Image.linear_gradient("L").rotate(-35).point([round(level * 0.7) for level in range(256)])
    dark.paste(0, (0, 0), ball.reduce(2).point([255 - level for level in range(256)]))
    return dark
