"""Caption: the prompt, legible at the foot of an image."""

from collections.abc import Iterator
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MAX_CHARACTERS = 320  #: characters of a prompt that are drawn at most
MAX_LINES = 4

#: Fonts with Chinese, Japanese and Korean characters that systems usually have; Pillow's own has none.
CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "DejaVuSans.ttf",
)


def write_caption(picture: Image.Image, prompt: str, footnote: str) -> None:
    """Draw the prompt and a small footnote on the lower part of the image, over a shade."""
    width, height = picture.size
    margin = max(width // 18, 4)
    lines, font, size = _fitting(prompt, width - 2 * margin, unit=min(width, height))
    small = max(min(width, height) // 38, 8)
    step = round(size * 1.28)
    top = height - margin - round(small * 1.6) - step * len(lines)
    _shade_below(picture, max(top - step * 2, 0))
    pen = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        pen.text((margin, top + index * step), line, font=font, fill=(255, 255, 255))
    pen.text((margin, height - margin - small), footnote, font=_font(None, small), fill=(214, 214, 222))


def _shade_below(picture: Image.Image, top: int) -> None:
    size = picture.width, picture.height - top
    shade = (
        Image.linear_gradient("L").resize(size).point([min(round(level * 1.1), 190) for level in range(256)])
    )
    picture.paste((8, 8, 18), (0, top), shade)


def _fitting(prompt: str, width: int, *, unit: int) -> tuple[list[str], Font, int]:
    """Return the caption's lines in the largest font size that needs few enough lines."""
    text = " ".join(prompt[:MAX_CHARACTERS].split())
    name = _best_font(text)
    known = [character for character in text if character == " " or _has_glyph(name, character)]
    # An image without a caption is better than one with most characters missing.
    text = " ".join("".join(known).split()) if len(known) * 2 > len(text) else ""
    lines: list[str] = []
    for share in (15, 18, 22, 27):
        size = max(unit // share, 8)
        font = _font(name, size)
        lines = list(_wrapped(text, font, width))
        if len(lines) <= MAX_LINES - (share < 22):
            return lines, font, size
    return [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1][:-1].rstrip() + "…"], font, size


def _wrapped(text: str, font: Font, width: int) -> Iterator[str]:
    """Wrap text at spaces, and inside words longer than a line, such as a Chinese sentence."""
    line = ""
    for word in text.split():
        wider = f"{line} {word}" if line else word
        if font.getlength(wider) <= width:
            line = wider
            continue
        if line and font.getlength(word) <= width:
            yield line
            line = word
            continue
        line = wider
        while font.getlength(line) > width:
            fitting = _fitting_length(line, font, width)
            yield line[:fitting].rstrip()
            line = line[fitting:].lstrip()
    if line:
        yield line


def _fitting_length(line: str, font: Font, width: int) -> int:
    """Return how many characters of ``line`` fit (at least one), by binary search."""
    low, high = 1, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(line[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


@lru_cache(maxsize=64)
def _font(name: str | None, size: int) -> Font:
    return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)


@lru_cache(maxsize=1)
def _font_names() -> tuple[str | None, ...]:
    return (None, *(name for name in CJK_FONTS if _exists(name)))


def _exists(name: str) -> bool:
    try:
        ImageFont.truetype(name, 10)
    except OSError:
        return False
    return True


def _best_font(text: str) -> str | None:
    """Return the first font with every character of the text, else the one with most of them."""
    if text.isascii():
        return None
    return max(_font_names(), key=lambda name: sum(_has_glyph(name, character) for character in text))


@lru_cache(maxsize=8192)
def _has_glyph(name: str | None, character: str) -> bool:
    """Return whether a font has a glyph for this character, other than the one for unknown characters."""
    if character.isascii():
        return character.isprintable()
    return _drawn(name, character) not in (b"", _drawn(name, "\U0010ffff"))


def _drawn(name: str | None, character: str) -> bytes:
    image = Image.new("L", (48, 48))
    ImageDraw.Draw(image).text((8, 8), character, font=_font(name, 24), fill=255)
    return image.tobytes() if image.getbbox() else b""
