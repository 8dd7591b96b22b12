"""Thumbnails: WebP of two sizes, without metadata, and never enlarged."""

from io import BytesIO

import pytest
from PIL import Image

from worker.images.thumbnails import make_thumbnails


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "L", "I;16"])
def test_each_mode_becomes_webp_of_both_sizes(mode: str) -> None:
    made = make_thumbnails(Image.new(mode, (960, 480)))
    assert [(each.side, each.width, each.height) for each in made] == [(320, 320, 160), (960, 960, 480)]
    for each in made:
        image = opened(each.content)
        assert (image.format, image.size) == ("WEBP", (each.width, each.height))
        assert image.info.keys() <= {"loop", "background", "timestamp", "duration"}


def test_a_small_picture_keeps_its_size_and_its_transparency() -> None:
    clear = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    for each in make_thumbnails(clear):
        image = opened(each.content)
        assert (image.size, image.getchannel("A").getextrema()) == ((20, 10), (0, 0))
