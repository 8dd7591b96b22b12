"""dHash: pictures that look the same have nearly the same hash, others do not."""

from io import BytesIO

from PIL import Image

from models.checks.near_duplicates import differing_bits
from tests.worker.images.drawing import draw
from worker.images.perceptual_hash import difference_hash


def smooth(seed: int, size: tuple[int, int] = (256, 192)) -> Image.Image:
    with Image.open(BytesIO(draw("PNG", 8, 6, seed=seed))) as noise:
        return noise.resize(size, Image.Resampling.BICUBIC)


def compressed(image: Image.Image, quality: int) -> Image.Image:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


def test_a_smaller_or_recompressed_copy_is_a_near_duplicate() -> None:
    for seed in range(5):
        original = difference_hash(smooth(seed))
        for copy in (smooth(seed).resize((128, 96)), compressed(smooth(seed), 60)):
            assert differing_bits(original, difference_hash(copy)) <= 3


def test_other_pictures_differ_in_many_bits() -> None:
    hashes = [difference_hash(smooth(seed)) for seed in range(8)]
    least = min(differing_bits(one, other) for one in hashes for other in hashes if one != other)
    assert least > 10
    assert len(set(hashes)) == 8


def test_the_hash_has_the_first_pixel_in_the_highest_bit_and_fits_a_signed_number() -> None:
    falling = Image.new("L", (9, 8))
    falling.putdata([255 - 20 * column for _ in range(8) for column in range(9)])
    assert difference_hash(falling) == -1
    assert difference_hash(Image.new("L", (9, 8), 7)) == 0


def test_transparent_parts_count_as_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (32, 0, 64, 64))
    flat = Image.new("RGB", (64, 64), (255, 255, 255))
    flat.paste((0, 0, 0), (32, 0, 64, 64))
    assert difference_hash(clear) == difference_hash(flat)
