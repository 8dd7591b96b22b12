"""Contract of the image formats: each reads the size, ignores trailing bytes and detects truncation."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from models.errors import ImageError
from tests.worker.images.drawing import draw, heic, mp4, webm
from worker.images.formats import boxes, gif, jpeg, png, webp
from worker.images.formats import webm as webm_format

Size = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its check, a complete file, its size, and the bytes that identify the format."""

    measure: Callable[[memoryview], Size]
    content: bytes
    size: Size
    header: int


FORMATS = {
    "png": Format(png.measure, draw("PNG"), (24, 16), 8),
    "jpeg": Format(jpeg.measure, draw("JPEG"), (24, 16), 3),
    "gif": Format(gif.measure, draw("GIF"), (24, 16), 6),
    "webp": Format(webp.measure, draw("WEBP"), (24, 16), 12),
    "webm": Format(webm_format.measure, webm(), (None, None), 12),
    "avif": Format(boxes.measure_image, draw("AVIF"), (24, 16), 12),
    "heic": Format(boxes.measure_image, heic(24, 16), (24, 16), 12),
    "mp4": Format(boxes.measure_video, mp4(640, 360), (640, 360), 12),
}


@pytest.fixture(params=FORMATS)
def image(request: pytest.FixtureRequest) -> Format:
    return FORMATS[request.param]


def code_of(image: Format, content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        image.measure(memoryview(content))
    return caught.value.code


def test_the_size_is_read_from_a_complete_file(image: Format) -> None:
    assert image.measure(memoryview(image.content)) == image.size


def test_a_file_truncated_after_its_header_is_truncated(image: Format) -> None:
    lengths = range(image.header, len(image.content))
    assert {code_of(image, image.content[:length]) for length in lengths} == {"asset_truncated"}


def test_a_header_followed_by_zeros_is_no_image(image: Format) -> None:
    content = image.content[: image.header] + bytes(200)
    assert code_of(image, content) in {"asset_truncated", "asset_not_image"}


@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp"])
def test_trailing_bytes_are_ignored(name: str) -> None:
    image = FORMATS[name]
    assert image.measure(memoryview(image.content + b"\r\n<html>")) == image.size
