"""Marking of images: pixels stay, C2PA stays whole, and damaged files never raise."""

import io
import zlib
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from worker.images.inspection import inspect
from worker.images.limits import Limits
from worker.images.provenance.digital_source_type import Marking, mark, provenance_of
from worker.images.provenance.pieces import contents
from worker.images.provenance.xmp import TRAINED, make_packet

PACKET = make_packet(model='gpt "image" <2>\0', created_at=datetime(2026, 1, 31, tzinfo=UTC), job="job_1")
KINDS = [
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {"progressive": True}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True}),
]
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def picture(kind: str, mode: str, size: tuple[int, int] = (37, 21), **options: object) -> bytes:
    file = io.BytesIO()
    image = Image.radial_gradient("L").resize(size).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
    image.save(file, kind, **options)
    return file.getvalue()


def marked(data: bytes, content_type: str) -> tuple[bytes, Marking]:
    pieces, marking = mark(memoryview(data), content_type, PACKET)
    return b"".join(contents(memoryview(data), pieces)), marking


def pixels(data: bytes) -> tuple[str, tuple[int, int], bytes]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.mode, image.size, image.tobytes()


@pytest.mark.parametrize(("kind", "mode", "options"), KINDS)
@pytest.mark.parametrize("size", [(37, 21), (1, 1), (256, 64)])
def test_a_marked_image_opens_with_equal_pixels(
    kind: str, mode: str, options: dict[str, object], size: tuple[int, int]
) -> None:
    data = picture(kind, mode, size, **options)
    result, marking = marked(data, TYPES[kind])
    assert marking is Marking.XMP
    assert pixels(result) == pixels(data)
    with Image.open(io.BytesIO(result)) as image:
        packet = image.info["xmp"]
    assert TRAINED in {
        value for each in ElementTree.fromstring(packet).iter() for value in each.attrib.values()
    }
    assert inspect(result, limits=Limits()) == inspect(data, limits=Limits())
    assert provenance_of(memoryview(result), TYPES[kind]).source_type


@pytest.mark.parametrize(("kind", "mode", "options"), KINDS)
def test_a_second_marking_changes_nothing(kind: str, mode: str, options: dict[str, object]) -> None:
    once, _ = marked(picture(kind, mode, **options), TYPES[kind])
    assert marked(once, TYPES[kind]) == (once, Marking.PRESENT)


def with_c2pa(kind: str) -> bytes:
    data = picture(kind, "RGB")
    if kind == "PNG":
        chunk = b"caBX" + b"jumb"
        chunk = (4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
        return data[:33] + chunk + data[33:]
    if kind == "JPEG":
        return data[:2] + b"\xff\xeb\x00\x0aJP\x00\x01jumb" + data[2:]
    body = data[8:] + b"C2PA" + (4).to_bytes(4, "little") + b"jumb"
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("kind", list(TYPES))
def test_an_image_with_a_c2pa_manifest_is_left_as_it_is(kind: str) -> None:
    data = with_c2pa(kind)
    pixels(data)
    assert marked(data, TYPES[kind]) == (data, Marking.C2PA)


@pytest.mark.parametrize("kind", list(TYPES))
def test_an_image_with_other_xmp_is_left_as_it_is(kind: str) -> None:
    data = picture(kind, "RGB")
    pieces, _ = mark(memoryview(data), TYPES[kind], b"<x:xmpmeta/>")
    other = b"".join(contents(memoryview(data), pieces))
    assert marked(other, TYPES[kind]) == (other, Marking.OTHER_XMP)


def test_jfif_and_exif_stay_before_the_packet() -> None:
    data = picture("JPEG", "RGB", exif=Image.Exif().tobytes())
    result, _ = marked(data, "image/jpeg")
    assert result.index(b"JFIF") < result.index(b"http://ns.adobe.com/xap")
    assert result[:2] + result[2:4] == b"\xff\xd8\xff\xe0"


def test_other_formats_are_left_as_they_are() -> None:
    assert marked(b"GIF89a", "image/gif") == (b"GIF89a", Marking.UNSUPPORTED)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(KINDS), st.data())
def test_damaged_files_never_raise_and_lose_no_byte(
    chosen: tuple[str, str, dict[str, object]], draw: st.DataObject
) -> None:
    kind, mode, options = chosen
    data = bytearray(picture(kind, mode, (5, 3), **options))
    for _ in range(draw.draw(st.integers(1, 8))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    result, marking = marked(cut, TYPES[kind])
    if marking is Marking.XMP:
        assert len(result) >= len(cut) + len(PACKET)
    else:
        assert result == cut


@settings(deadline=None)
@given(st.sampled_from(list(TYPES.values())), st.binary(max_size=200))
def test_any_bytes_can_be_marked(content_type: str, data: bytes) -> None:
    marked(data, content_type)
