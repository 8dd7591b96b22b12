"""Grid: images are decoded to cells, and cells composed two by two."""

from io import BytesIO

import pytest
from PIL import Image

from models.errors import ImageError
from worker.images.grid import compose_grid, decode_cell


def cell(colour: str, size: tuple[int, int] = (8, 4)) -> Image.Image:
    return Image.new("RGB", size, colour)


def encoded(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def pixel(grid: bytes, at: tuple[int, int]) -> tuple[int, ...]:
    with Image.open(BytesIO(grid)) as image:
        found = image.getpixel(at)
    assert isinstance(found, tuple)
    return found


def near(found: tuple[int, ...], expected: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 40 for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("count", "size"), [(1, (8, 4)), (2, (16, 4)), (3, (16, 8)), (4, (16, 8)), (5, (24, 8))]
)
def test_a_grid_is_as_square_as_its_cells_allow(count: int, size: tuple[int, int]) -> None:
    grid = compose_grid([cell("red")] * count)
    assert grid is not None
    with Image.open(BytesIO(grid)) as image:
        assert (image.format, image.size) == ("JPEG", size)


def test_the_place_of_a_missing_cell_is_dark() -> None:
    big = (64, 64)
    grid = compose_grid([cell("red", big), None, cell("blue", big), cell("white", big)])
    assert grid is not None
    assert near(pixel(grid, (32, 32)), (255, 0, 0))
    assert near(pixel(grid, (96, 32)), (24, 24, 26))
    assert near(pixel(grid, (32, 96)), (0, 0, 255))


def test_without_cells_there_is_no_grid() -> None:
    assert compose_grid([None, None]) is None


def test_a_large_image_is_reduced_to_the_size_of_a_cell() -> None:
    decoded = decode_cell(encoded(cell("red", (2048, 512))))
    assert decoded.size == (1024, 256)


def test_transparent_parts_become_white() -> None:
    decoded = decode_cell(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 0))))
    assert (decoded.mode, decoded.getpixel((0, 0))) == ("RGB", (255, 255, 255))


@pytest.mark.parametrize("content", [b"", b"\x89PNG and then nothing", b"GIF89a"])
def test_a_damaged_image_has_no_cell(content: bytes) -> None:
    with pytest.raises(ImageError):
        decode_cell(content)
