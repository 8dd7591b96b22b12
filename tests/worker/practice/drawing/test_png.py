import io

import pytest
from PIL import Image

from worker.practice.drawing.png import prompt_of
from worker.practice.drawing.render import IMAGE_MODES, ImageMode, Recipe
from worker.practice.images import truncate_png

PROMPTS = ["a cat", "", "赛博朋克城市夜景", "🦊 שלום", "a\x00b\nc", "x" * 5000]


@pytest.mark.parametrize("mode", IMAGE_MODES)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_picture_opens_and_tells_its_prompt(mode: ImageMode, prompt: str) -> None:
    png = Recipe(prompt, 1, prompt, mode=mode).render()

    assert prompt_of(png) == prompt
    Image.open(io.BytesIO(png)).load()


@pytest.mark.parametrize("mode", IMAGE_MODES)
def test_a_picture_depends_on_prompt_and_number_alone(mode: ImageMode) -> None:
    first = Recipe("a cat", 1, "a cat", mode=mode).render()

    assert Recipe("a cat", 1, "a cat", mode=mode).render() == first
    assert Recipe("a cat", 2, "a cat", mode=mode).render() != first
    assert Recipe("a dog", 1, "a dog", mode=mode).render() != first


def test_the_64k_mode_makes_64_kilobytes() -> None:
    assert abs(len(Recipe("a cat", 1, "", mode="64k").render()) - 65536) < 1000


def test_a_lone_surrogate_in_a_prompt_does_no_harm() -> None:
    for mode in IMAGE_MODES:
        assert prompt_of(Recipe("a \ud800", 1, "a \ud800", mode=mode).render()) == "a ?"


def test_bytes_that_are_no_practice_picture_have_no_prompt() -> None:
    assert prompt_of(b"") is None
    assert prompt_of(b"\xff\xd8\xff") is None
    assert prompt_of(b"\x89PNG\r\n\x1a\n\0\0") is None


def test_a_picture_cut_short_does_not_open() -> None:
    for mode in IMAGE_MODES:
        with pytest.raises((OSError, SyntaxError)):
            Image.open(io.BytesIO(truncate_png(Recipe("a cat", 1, "a cat", mode=mode).render()))).load()
