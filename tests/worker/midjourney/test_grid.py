"""Grid of a task: damaged images are left out, and those that can't be opened here stay without a cell."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from tests.support.darkroom import open_darkroom
from tests.worker.images.drawing import draw, png_header
from worker.midjourney.grid import decode_images


def row(key: str, content_type: str = "image/png") -> Any:
    return SimpleNamespace(key=key, content_type=content_type, bytes=1000, width=8, height=4)


async def test_damaged_images_are_left_out_and_large_ones_have_no_cell(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        files = {"a": draw("PNG", 8, 4), "damaged": draw("PNG")[:-20], "large": png_header(10_000, 10_000)}
        for key, content in files.items():
            await darkroom.services.store.put(key, content, content_type="image/png")
        names = ["a", "damaged", "large", "gone"]
        decoded = await decode_images(darkroom.services, [*map(row, names), row("film", "video/mp4")])
    assert [image.key for image in decoded.images] == ["a", "large", "film"]
    assert decoded.grid is not None
    with Image.open(BytesIO(decoded.grid)) as grid:
        assert grid.size == (16, 8)


async def test_a_single_image_needs_no_grid(plain_database_url: str, tmp_path: Path) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        await darkroom.services.store.put("a", draw("PNG", 8, 4), content_type="image/png")
        assert (await decode_images(darkroom.services, [row("a")])).grid is None
