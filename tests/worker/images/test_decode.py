"""Decoding: sizes are checked before pixels are made, and memory is bounded."""

import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image

from models.errors import ImageError
from tests.worker.images.drawing import draw, heic, png_header
from worker.images.decode import MAX_PIXELS, decode_image
from worker.images.limits import MIB


def code_of(content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(content, side=64)
    return caught.value.code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_is_reduced_to_the_longer_side(kind: str) -> None:
    assert decode_image(draw(kind, 96, 48), side=32).size == (32, 16)


def test_a_small_image_keeps_its_size() -> None:
    assert decode_image(draw("PNG", 24, 16), side=64).size == (24, 16)


def test_an_image_is_turned_by_its_exif_orientation() -> None:
    out = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 16)).save(out, "JPEG", exif=exif)
    assert decode_image(out.getvalue(), side=64).size == (16, 24)


def test_a_header_with_too_many_pixels_is_refused_with_the_limit_before_anything_is_decoded() -> None:
    with pytest.raises(ImageError, match="at most 40,000,000") as caught:
        decode_image(png_header(10_000, 10_000), side=64)
    assert caught.value.code == "asset_too_large"


def test_what_can_not_be_decoded_has_a_code() -> None:
    assert code_of(heic(24, 16)) == "asset_not_image"
    assert code_of(draw("PNG")[:-20]) == "asset_truncated"
    assert code_of(png_header(24, 16)) == "asset_truncated"  # no pixels


_MEASURE = """
import resource, sys
from worker.images.decode import decode_image
from worker.images.grid import compose_grid, decode_cell
content = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cells = [decode_cell(content) for _ in range(int(sys.argv[1]))]
compose_grid(cells)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow(reason="encodes and decodes 40 million pixels in a process of its own")
def test_a_grid_of_the_largest_images_takes_bounded_memory() -> None:
    side = int(MAX_PIXELS**0.5)
    out = BytesIO()
    Image.new("RGBA", (side, side), (255, 0, 0, 128)).save(out, "PNG", compress_level=1)
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, "2"], input=out.getvalue(), capture_output=True, check=True
    )
    peak = int(run.stdout) * 1024  # getrusage counts in KiB on Linux
    assert peak < 450 * MIB
