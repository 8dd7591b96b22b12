"""Images of the style probe: fetch, measure and compare them, and the input image that it sends."""

import base64
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageStat

from models.errors import DarkroomError, ImageError
from worker.download.downloader import Downloader
from worker.images.decode import decode_image
from worker.images.inspection import inspect
from worker.upstream.parsing.image import ResultImage

_COLOUR, _SIDES = (214, 30, 140), (96, 64)
_GRID = (8, 8)  # in which images are compared
_CLOSE = 12  # mean difference of a colour, of 255, up to which two images are alike


def probe_image() -> bytes:
    """Return the input image: a small PNG of one bright colour, which hardly any prompt leads to."""
    file = BytesIO()
    Image.new("RGB", _SIDES, _COLOUR).save(file, "PNG")
    return file.getvalue()


def data_url(png: bytes) -> str:
    """Return a PNG as a ``data:`` URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


async def bytes_of(image: ResultImage, downloader: Downloader) -> bytes | None:
    """Return the bytes of an image of an answer, fetched if it is a link; ``None`` if they can't be had."""
    try:
        if image.url is not None:
            with TemporaryDirectory() as folder:
                return bytes((await downloader.fetch(image.url, into=Path(folder))).body)
        return image.blob if image.blob is not None else base64.b64decode(image.data or "")
    except (DarkroomError, ValueError):
        return None


def ratio_of(content: bytes) -> float | None:
    """Return width by height of an image; ``None`` if it is none."""
    try:
        info = inspect(content)
    except ImageError:
        return None
    return info.width / info.height if info.width and info.height else None


def alike(one: bytes, other: bytes) -> bool:
    """Return whether two images look alike from afar, whatever their sizes are."""
    try:
        first, second = (
            decode_image(content, side=256).convert("RGB").resize(_GRID) for content in (one, other)
        )
    except ImageError:
        return False
    difference = ImageStat.Stat(ImageChops.difference(first, second)).mean
    return sum(difference) / len(difference) <= _CLOSE
