import io

import pytest
from PIL import Image

from worker.practice.drawing.palettes import PALETTES
from worker.practice.drawing.png import seeded_random
from worker.practice.drawing.render import Recipe
from worker.practice.drawing.scenes import SCENES, Scene


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (1024, 256), (256, 1024), (2048, 64)])
def test_a_drawing_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    for number in range(8):
        png = Recipe("a lighthouse at dusk, oil painting", number, "a lighthouse at dusk", size=size).render()
        assert Image.open(io.BytesIO(png)).size == size


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_shows_something_on_every_palette(scene: Scene) -> None:
    for number, palette in enumerate(PALETTES):
        picture = Image.new("RGB", (128, 128), palette.high)
        scene(picture, palette, seeded_random("a cat", number))
        assert len(picture.getcolors(128 * 128) or ()) > 4


@pytest.mark.parametrize(
    "caption",
    ["x" * 400, "长" * 400, "word " * 200, "‮right to left", "\U0010ffff", "a‍b", "👩‍👩‍👧 family", " ", "\n\t"],
)
def test_no_caption_is_too_odd_to_write(caption: str) -> None:
    Recipe(caption, 1, caption, size=(96, 96)).render()


def test_the_caption_is_seen() -> None:
    bare = Recipe("a cat", 1, "", size=(256, 256)).render()
    written = Recipe("a cat", 1, "a cat", size=(256, 256)).render()

    assert bare != written
