"""Size of a mask."""

import base64

import pytest

from models.errors import InvalidRequest
from worker.images.limits import Limits
from worker.images.mask_size import inline_size, require_same_size
from worker.practice.drawing.png import tiny_png


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("data:image/png;base64," + base64.b64encode(tiny_png("a cat", 0)).decode(), "1x1"),
        ("data:image/png;base64,AAAA", None),
        ("data:image/png;base64,***", None),
        ("https://pictures.test/cat.png", None),
    ],
)
def test_the_size_of_a_data_url_is_read_and_others_are_unknown(image: str, expected: str | None) -> None:
    assert inline_size(image, Limits()) == expected


@pytest.mark.parametrize(("mask", "picture"), [("1x1", "1x1"), (None, "1x1"), ("1x1", None)])
def test_a_mask_of_the_same_or_an_unknown_size_is_taken(mask: str | None, picture: str | None) -> None:
    require_same_size(mask, picture)


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(InvalidRequest, match="has 2x2 pixels, but the first picture has 4x4"):
        require_same_size("2x2", "4x4")
