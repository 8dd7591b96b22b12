"""Input images are made as small as a provider takes them."""

import random
from io import BytesIO

import pytest
from PIL import Image

from models.errors import InvalidRequest
from worker.images.shrink import shrink


def noise(mode: str, side: int = 400) -> bytes:
    data = random.Random(1).randbytes(side * side * len(mode))  # a picture that does not compress
    out = BytesIO()
    Image.frombytes(mode, (side, side), data).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("most", [10_000, 50_000, 100_000])
def test_a_picture_becomes_a_jpeg_within_the_limit(most: int) -> None:
    picture = noise("RGB")
    assert len(picture) > most
    smaller, content_type = shrink(picture, most)
    assert (len(smaller) <= most, content_type) == (True, "image/jpeg")
    assert Image.open(BytesIO(smaller)).format == "JPEG"


def test_the_quality_is_lowered_before_the_sides() -> None:
    picture = noise("RGB")
    largest, _ = shrink(picture, len(picture))
    smaller, _ = shrink(picture, len(largest) - 1)
    assert Image.open(BytesIO(smaller)).size == (400, 400)


def test_a_transparent_picture_stays_transparent() -> None:
    smaller, content_type = shrink(noise("RGBA"), 100_000)
    assert (len(smaller) <= 100_000, content_type) == (True, "image/png")
    assert Image.open(BytesIO(smaller)).mode == "RGBA"


def test_a_limit_that_no_useful_picture_meets_is_said() -> None:
    with pytest.raises(InvalidRequest, match="as small as 10 bytes"):
        shrink(noise("RGB"), 10)


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="can't be opened"):
        shrink(b"no picture", 10_000)
