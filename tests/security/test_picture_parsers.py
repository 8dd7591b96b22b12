"""Hostile pictures: small files of endless parts, of two sizes, or that keep a decoder busy for minutes."""

import zlib
from io import BytesIO

import pytest
from PIL import Image

from models.errors import ImageError
from tests.worker.images.drawing import draw
from worker.event_loop import LoopThread
from worker.images.decode import MAX_PIXELS, decode_image
from worker.images.decode_process import DecodeProcess
from worker.images.grid import decode_cell
from worker.images.inspection import inspect
from worker.images.limits import Limits


def refusal(content: bytes) -> str:
    """Return the code with which an image is refused by its header alone."""
    with pytest.raises(ImageError) as caught:
        inspect(content, limits=Limits(pixels=MAX_PIXELS))
    return caught.value.code


def png_chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return len(content).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def box(name: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content


def progressive(side: int, *, repeats: int) -> bytes:
    """Return a JPEG whose last scan is repeated: each is a pass over all pixels."""
    out = BytesIO()
    Image.effect_noise((side, side), 60).save(out, "JPEG", progressive=True, quality=1)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * repeats + b"\xff\xd9"


SMALL_PNG = draw("PNG", 8, 8)
LARGE_FRAME = b"\xff\xc0\0\x0b\x08\x32\xc8\x32\xc8\x01\x01\x11\0"  # 13,000 × 13,000
#: Pictures that pass as 8 × 8 and have a second header
TWO_SIZES = {
    "PNG": SMALL_PNG[:33] + png_chunk(b"IHDR", (13_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0") + SMALL_PNG[33:],
    "JPEG": draw("JPEG", 8, 8).replace(b"\xff\xda", LARGE_FRAME + b"\xff\xda", 1),
    "WebP": riff(*[b"VP8X\x0a\0\0\0" + bytes(4) + bytes([7, 0, 0] * 2)] * 2, b"VP8L\x01\0\0\0\x2f\0"),
    "WebP of two pictures": riff(*[draw("WEBP", 8, 8)[12:]] * 2),
    "AVIF": box(b"ftyp", b"avif" + bytes(4)) + box(b"meta", bytes(4)) * 2 + box(b"mdat"),
}


@pytest.mark.parametrize("name", TWO_SIZES)
def test_a_second_header_is_refused(name: str) -> None:
    assert refusal(TWO_SIZES[name]) == "asset_not_image"


def test_a_frame_beyond_the_canvas_of_a_gif_counts_by_its_size() -> None:
    gif = bytearray(draw("GIF", 8, 8))
    frame = gif.rindex(b"\x2c\0\0\0\0")
    gif[frame + 5 : frame + 9] = (13_000).to_bytes(2, "little") * 2
    assert refusal(bytes(gif)) == "asset_too_large"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\xff\xfe\0\x02" * 15_000_000,  # 60 MB of empty comments
        b"\xff\xd8" + b"\xff\x01" * 100_000,
        draw("PNG", 8, 8)[:33] + png_chunk(b"tEXt", b"") * 100_001,
        riff(draw("WEBP", 8, 8)[12:], b"JUNK\0\0\0\0" * 100_001),
        b"GIF89a\x08\0\x08\0\0\0\0" + b"\x21\xfe\x01 \0" * 1_000_001,
        box(b"ftyp", b"avif" + bytes(4)) + box(b"free") * 20_001,
    ],
    ids=["JPEG", "JPEG markers", "PNG", "WebP", "GIF", "AVIF"],
)
def test_endless_parts_are_refused_after_a_number_of_them(content: bytes) -> None:
    assert refusal(content) == "asset_too_large"


def test_a_jpeg_of_endless_scans_is_refused_by_their_number() -> None:
    assert refusal(progressive(16, repeats=500)) == "asset_too_large"


def test_a_decoder_that_is_kept_busy_is_ended_on_the_loop_of_a_worker() -> None:
    loop = LoopThread("test")
    loop.start()
    try:
        with pytest.raises(ImageError, match=r"0\.5 s") as caught:
            loop.run(DecodeProcess(time_limit=0.5).run(decode_cell, progressive(1500, repeats=450)))
    finally:
        loop.stop()
    assert caught.value.code == "asset_too_large"


def test_a_size_that_only_the_decoder_finds_is_checked_before_pixels_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = Image.new("1", (10_000, 10_000))
    monkeypatch.setattr(Image, "open", lambda *args, **kwargs: wide)
    with pytest.raises(ImageError, match="larger than its header"):
        decode_image(draw("PNG", 8, 8), side=64)
