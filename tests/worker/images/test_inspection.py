"""Inspection: type, size and integrity of a file."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ImageError
from tests.worker.images.drawing import draw, heic, mp4, png_header, webm
from worker.images.inspection import ImageInfo, inspect
from worker.images.limits import Limits

PICTURES = {
    "png": (draw("PNG"), ImageInfo("image/png", "png", 24, 16)),
    "jpeg": (draw("JPEG"), ImageInfo("image/jpeg", "jpg", 24, 16)),
    "progressive jpeg": (draw("JPEG", progressive=True), ImageInfo("image/jpeg", "jpg", 24, 16)),
    "jpeg with restarts": (
        draw("JPEG", 64, 64, restart_marker_rows=1),
        ImageInfo("image/jpeg", "jpg", 64, 64),
    ),
    "jpeg with a comment": (
        draw("JPEG", comment=b"\xff\xd9 is not the end"),
        ImageInfo("image/jpeg", "jpg", 24, 16),
    ),
    "webp": (draw("WEBP"), ImageInfo("image/webp", "webp", 24, 16)),
    "lossless webp": (draw("WEBP", lossless=True), ImageInfo("image/webp", "webp", 24, 16)),
    "extended webp": (draw("WEBP", icc_profile=b"x" * 9), ImageInfo("image/webp", "webp", 24, 16)),
    "gif": (draw("GIF"), ImageInfo("image/gif", "gif", 24, 16)),
    "avif": (draw("AVIF"), ImageInfo("image/avif", "avif", 24, 16)),
    "heic": (heic(24, 16), ImageInfo("image/heic", "heic", 24, 16)),
    "mp4": (mp4(640, 360), ImageInfo("video/mp4", "mp4", 640, 360)),
    "webm": (webm(), ImageInfo("video/webm", "webm", None, None)),
}
every_picture = pytest.mark.parametrize("name", PICTURES)


def refusal(data: bytes | Path, **limits: int) -> str:
    with pytest.raises(ImageError) as caught:
        inspect(data, limits=Limits(**limits))
    assert not caught.value.retryable
    return caught.value.code


ANSWERS = {"fine", "asset_truncated", "asset_not_image", "asset_too_large"}


def result_of(data: bytes) -> str:
    try:
        inspect(data)
    except ImageError as error:
        return error.code
    return "fine"


@every_picture
def test_a_picture_is_known_by_its_bytes(name: str) -> None:
    data, facts = PICTURES[name]
    assert inspect(data) == facts


@every_picture
def test_a_file_is_inspected_like_its_bytes(name: str, tmp_path: Path) -> None:
    data, facts = PICTURES[name]
    path = tmp_path / "anything.part"
    path.write_bytes(data)
    assert inspect(path) == facts


@every_picture
def test_a_picture_cut_off_anywhere_is_truncated(name: str) -> None:
    data, _ = PICTURES[name]
    codes = {refusal(data[:length]) for length in range(len(data))}
    assert codes <= {"asset_truncated", "asset_not_image"}
    assert {refusal(data[:length]) for length in range(16, len(data))} == {"asset_truncated"}


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "gif"])
def test_bytes_behind_the_end_are_accepted(name: str) -> None:
    data, facts = PICTURES[name]
    assert inspect(data + b"\r\n<html>") == facts


def test_a_damaged_byte_of_a_png_is_noticed() -> None:
    data = PICTURES["png"][0]
    for at in range(8, len(data), 7):
        damaged = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        assert refusal(damaged) in {"asset_truncated", "asset_not_image"}


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><title>Hotlinking not allowed</title>",
        b'{"detail":"File stream access denied."}',
        b"\xef\xbb\xbf<?xml version='1.0'?><Error/>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"not found",
        b"%PDF-1.7 and so on and on",
        b"RIFF\x10\x00\x00\x00WAVEfmt and so on and on",
        b"MZ" + bytes(100),
        b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska",
        b"\x00\x00\x00\x14ftypcrx \x00\x00\x00\x01crx " + bytes(20),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data) == "asset_not_image"


@pytest.mark.parametrize("data", [b"", b"\x89PN", b"RIFF\x00", b"\xff\xd8", b"GIF8"])
def test_a_mere_beginning_is_truncated(data: bytes, tmp_path: Path) -> None:
    assert refusal(data) == "asset_truncated"
    (tmp_path / "x").write_bytes(data)
    assert refusal(tmp_path / "x") == "asset_truncated"


def test_too_many_pixels_are_refused_without_decoding() -> None:
    assert refusal(png_header(20_000, 20_000)) == "asset_too_large"
    assert refusal(png_header(101, 100), pixels=10_000) == "asset_too_large"
    assert inspect(png_header(100, 100), limits=Limits(pixels=10_000)).width == 100


def test_a_picture_without_area_is_no_picture() -> None:
    assert refusal(png_header(0, 5)) == "asset_not_image"


def test_an_ending_without_pixels_is_truncated() -> None:
    data = png_header(5, 5)
    without = re.sub(rb"\x00\x00\x00.IDAT.*(?=\x00\x00\x00\x00IEND)", b"", data, flags=re.DOTALL)
    assert refusal(without) == "asset_truncated"


HEADS = [data[:length] for data, _ in PICTURES.values() for length in (8, 16, 40)]


@given(head=st.sampled_from([b"", *HEADS]), tail=st.binary(max_size=300))
def test_any_bytes_get_an_answer(head: bytes, tail: bytes) -> None:
    assert result_of(head + tail) in ANSWERS


@given(name=st.sampled_from(sorted(PICTURES)), data=st.data())
def test_a_picture_with_any_byte_changed_gets_an_answer(name: str, data: st.DataObject) -> None:
    content = bytearray(PICTURES[name][0])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert result_of(bytes(content)) in ANSWERS
