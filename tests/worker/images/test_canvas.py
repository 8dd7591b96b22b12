"""Canvases and masks, on small pictures."""

from io import BytesIO

import pytest
from PIL import Image

from models.errors import InvalidRequest
from worker.images.canvas import MAX_SIDE, Margins, cut_out, pad
from worker.images.grid import compose_grid, decode_cell

RED, GREY, CLEAR = (255, 0, 0), (128, 128, 128), (0, 0, 0, 0)


def png(size: tuple[int, int], colour: tuple[int, ...] = RED, mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as picture:
        picture.load()
        return picture


def half_white(size: tuple[int, int], *, background: tuple[int, ...]) -> bytes:
    mask = Image.new("RGBA", size, background)
    mask.paste((255, 255, 255, 255), (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()


def test_a_picture_lies_in_the_middle_of_twice_its_size() -> None:
    canvas = opened(pad(png((40, 20)), Margins(0.5, 0.5, 0.5, 0.5)))
    assert canvas.size == (80, 40)
    assert [canvas.getpixel(at) for at in ((0, 0), (19, 20), (20, 20), (59, 20), (60, 20), (40, 39))] == [
        GREY,
        GREY,
        RED,
        RED,
        GREY,
        GREY,
    ]


def test_a_picture_is_moved_to_the_side() -> None:
    canvas = opened(pad(png((40, 20)), Margins(left=0.5)))
    assert (canvas.size, canvas.getpixel((19, 10)), canvas.getpixel((59, 10))) == ((60, 20), GREY, RED)


def test_a_canvas_stays_within_its_longest_side() -> None:
    canvas = opened(pad(png((1800, 900)), Margins(0.5, 0.5, 0.5, 0.5)))
    assert canvas.size == (MAX_SIDE, MAX_SIDE // 2)


@pytest.mark.parametrize("background", [(0, 0, 0, 255), CLEAR], ids=["black", "transparent"])
def test_the_picture_gets_a_hole_where_the_mask_is_white(background: tuple[int, ...]) -> None:
    cut = opened(cut_out(png((40, 20)), half_white((20, 10), background=background)))
    assert (cut.mode, cut.size) == ("RGBA", (40, 20))
    alpha = cut.getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((19, 19)), alpha.getpixel((20, 0))) == (0, 0, 255)


@pytest.mark.parametrize(
    ("picture", "mask", "words"),
    [
        (png((4, 4)), png((4, 4), (0, 0, 0)), "selects nothing"),
        (png((4, 4)), png((4, 4), CLEAR, "RGBA"), "selects nothing"),
        (png((4, 4)), b"no picture", "can't be opened"),
        (b"no picture", png((4, 4), (255, 255, 255)), "can't be opened"),
        (png((4, 4)), png((4, 4), (255, 255, 255))[:40], "can't be opened"),
    ],
)
def test_what_is_no_picture_or_no_selection_is_refused_with_its_reason(
    picture: bytes, mask: bytes, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        cut_out(picture, mask)


TURNED = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
DAMAGED = [b"Exif\0\0II*\0", TURNED + b"\x1a\x01\x07\0\x01\0\0\0&\0\0\x02\0\0\0\0H\0\0\0\x01\0\0\0"]


@pytest.mark.parametrize("exif", DAMAGED)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Tag data larger than file")
def test_pictures_with_damaged_exif_data_are_taken_as_they_lie(exif: bytes) -> None:
    out = BytesIO()
    Image.new("RGB", (40, 20), RED).save(out, "PNG", exif=exif)

    assert opened(pad(out.getvalue(), Margins(left=1.0))).size == (80, 20)
    grid = compose_grid([decode_cell(out.getvalue()), None])
    assert grid is not None
    assert opened(grid).size == (80, 20)
