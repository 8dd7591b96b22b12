"""Image requests: sizes as callers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.request import ImagePart, ImageRequest, ImageSize, Message, TextPart


@given(st.integers(1, 16_384), st.integers(1, 16_384), st.sampled_from("x:"))
def test_every_size_of_two_sides_is_read(width: int, height: int, sign: str) -> None:
    size = ImageSize.parse(f"{width}{sign}{height}")
    assert size.ratio is not None
    assert (size.ratio * height, size.pixels) == (width, sign == "x")


@pytest.mark.parametrize("text", ["", "large", "0x5", "1024", "16385x1", "3K", "1024*1024", "auto "])
def test_another_text_is_refused_with_the_forms_that_are_known(text: str) -> None:
    with pytest.raises(ValueError, match=r"WIDTHxHEIGHT, a ratio|no side may be"):
        ImageSize.parse(text)


def test_all_input_images_are_those_of_the_turns_the_prompt_and_the_mask() -> None:
    turn = Message("user", (TextPart("a"), ImagePart("https://a.example/1.png")))
    request = ImageRequest("m", "a", ("https://a.example/2.png",), messages=(turn,), mask="data:image/png,")
    assert request.input_images == ("https://a.example/1.png", "https://a.example/2.png", "data:image/png,")
