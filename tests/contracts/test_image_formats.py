"""Contract of the image formats: each reads the size, ignores trailing bytes and detects truncation."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from models.errors import ImageError
from tests.worker.images.drawing import draw, heic, mp4, webm
from worker.images.formats import boxes, gif, jpeg, png, webp
from worker.images.formats import webm as webm_format
from worker.images.inspection import inspect

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


@pytest.mark.parametrize("length", range(1, 12))
def test_a_webm_that_is_cut_within_its_first_bytes_is_truncated(length: int) -> None:
    with pytest.raises(ImageError) as caught:
        inspect(webm()[:length])
    assert caught.value.code == "asset_truncated"


def _png_chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_a_png_with_two_headers_is_refused() -> None:
    whole = FORMATS["png"].content
    second = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    assert code_of(FORMATS["png"], whole[:33] + second + whole[33:]) == "asset_not_image"


PNG, JPEG, GIF = (FORMATS[name].content for name in ("png", "jpeg", "gif"))
WEBP_HEADER = b"VP8X" + struct.pack("<I", 10) + bytes(10)
FREE = struct.pack(">I", 8) + b"free"
TINY_PARTS = {
    "png": PNG[:33] + _png_chunk(b"teXt") * 100_001 + PNG[33:],
    "jpeg": b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_001 + JPEG[2:],
    "gif": GIF[:10] + bytes(3) + b"\x21\xfe" + b"\x01x" * 1_000_001 + b"\x00" + GIF[13:],
    "webp": b"RIFF"
    + struct.pack("<I", 22 + 8 * 100_001)
    + b"WEBP"
    + WEBP_HEADER
    + (b"XXXX" + bytes(4)) * 100_001,
    "avif": FORMATS["avif"].content + FREE * 20_001,
    "mp4": FORMATS["mp4"].content + FREE * 20_001,
}


@pytest.mark.parametrize("name", TINY_PARTS)
def test_a_file_of_tiny_parts_is_refused_after_a_bounded_number(name: str) -> None:
    assert code_of(FORMATS[name], TINY_PARTS[name]) == "asset_too_large"


def test_a_jpeg_may_have_any_number_of_fill_bytes() -> None:
    whole = FORMATS["jpeg"].content
    assert jpeg.measure(memoryview(whole[:2] + b"\xff" * 3_000_000 + whole[2:])) == (24, 16)
