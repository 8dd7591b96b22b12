"""JPEG: XMP in an APP1 segment, C2PA as JUMBF in APP11 (XMP part 3, 1.1.3; C2PA 2.1, A.3.1)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from worker.images.provenance.pieces import Pieces, insert

SIGNATURE = b"\xff\xd8\xff"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_APP0, _APP1, _SCAN = 0xE0, 0xE1, 0xDA
#: In compressed data 0xFF is never followed by 0xEB: this is a segment wherever it stands.
_JUMBF = re.compile(rb"\xff\xeb..JP", re.DOTALL)
_LONGEST = 0xFFFF - 2


class _Segment(NamedTuple):
    marker: int
    content: memoryview
    end: int


def has_c2pa(data: memoryview) -> bool:
    """Return whether the file has JUMBF boxes, in which C2PA manifests are."""
    return _JUMBF.search(data) is not None


def find_xmp(data: memoryview) -> bytes | None:
    """Return the packet of the file's XMP segment."""
    for segment in _segments(data):
        if segment.marker == _APP1 and bytes(segment.content[: len(_XMP)]) == _XMP:
            return bytes(segment.content[len(_XMP) :])
    return None


def insert_xmp(data: memoryview, packet: bytes) -> Pieces | None:
    """Return the file with a segment of the packet, after JFIF and Exif; ``None``: it does not fit."""
    content = _XMP + packet
    if len(content) > _LONGEST:
        return None
    at = 2
    for segment in _segments(data):
        if segment.marker not in (_APP0, _APP1):
            return insert(len(data), at, b"\xff\xe1" + (len(content) + 2).to_bytes(2) + content)
        at = segment.end
    return None


def _segments(data: memoryview) -> Iterator[_Segment]:
    """Yield the segments from the start of the image up to its first scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        if end > len(data) or end < position + 4:
            return
        yield _Segment(marker, data[position + 4 : end], end)
        if marker == _SCAN:
            return
        position = end
