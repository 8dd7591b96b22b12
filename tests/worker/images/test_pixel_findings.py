"""Pixel findings: blank pictures of every kind are found, and pictures with something on them are not."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from models.errors import ImageError
from tests.worker.images.drawing import draw, heic
from worker.images.pixel_findings import examine_pixels


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (13, 140, 200)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_one_colour_is_blank_in_each_format(kind: str, colour: tuple[int, int, int]) -> None:
    found = examine_pixels(encoded(Image.new("RGB", (640, 480), colour), kind))
    assert (found.blank, found.opaque) == (True, True)


def test_what_no_one_can_see_is_blank() -> None:
    hidden = Image.open(BytesIO(draw("PNG", 64, 64))).convert("RGBA")
    hidden.putalpha(3)
    assert examine_pixels(encoded(hidden)).blank


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_small_subject_on_a_plain_background_is_no_blank_picture(mode: str) -> None:
    image = Image.new(mode, (1024, 1024), "white")
    ImageDraw.Draw(image).ellipse((500, 500, 550, 550), fill="black")
    assert not examine_pixels(encoded(image)).blank


def test_a_cut_out_subject_of_one_colour_is_no_blank_picture() -> None:
    image = Image.new("RGBA", (256, 256), (200, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((60, 60, 190, 190), fill=(200, 0, 0, 255))
    found = examine_pixels(encoded(image))
    assert (found.blank, found.opaque) == (False, False)


def test_noise_has_thumbnails_and_a_hash() -> None:
    found = examine_pixels(draw("JPEG", 1200, 900))
    assert [(each.width, each.height) for each in found.thumbnails] == [(320, 240), (960, 720)]
    assert (found.blank, found.opaque) == (False, True)


def test_what_can_not_be_decoded_raises_its_code() -> None:
    for content, code in ((heic(24, 16), "asset_not_image"), (draw("PNG")[:-20], "asset_truncated")):
        with pytest.raises(ImageError) as caught:
            examine_pixels(content)
        assert caught.value.code == code
