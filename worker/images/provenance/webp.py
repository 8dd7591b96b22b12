"""WebP: chunks ``XMP `` and ``C2PA`` at the end of the RIFF file, announced by VP8X (RFC 9649, 2.7)."""

from collections.abc import Iterator
from typing import NamedTuple

from worker.images.provenance.pieces import Pieces, Span

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_LARGEST = 2**32 - 2  # bytes that a RIFF header can declare


class _Chunk(NamedTuple):
    name: bytes
    start: int  #: of its content
    end: int


def has_c2pa(data: memoryview) -> bool:
    """Return whether the file has a C2PA manifest."""
    return any(chunk.name == b"C2PA" for chunk in _chunks(data))


def find_xmp(data: memoryview) -> bytes | None:
    """Return the content of the file's XMP chunk."""
    for chunk in _chunks(data):
        if chunk.name == b"XMP ":
            return bytes(data[chunk.start : chunk.end])
    return None


def insert_xmp(data: memoryview, packet: bytes) -> Pieces | None:
    """Return the file with a chunk of the packet; ``None``: it does not begin with an image header.

    A file in the simple format gets the header of the extended format, which announces the chunk.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    first = next(_chunks(data), None)
    if first is None or end > len(data) or end % 2:
        return None
    added = b"XMP " + len(packet).to_bytes(4, "little") + packet + b"\0" * (len(packet) % 2)
    if first.name == b"VP8X" and first.end - first.start == 10:
        header, rest = bytes(data[12 : first.start]) + bytes([data[first.start] | _XMP_FLAG]), first.start + 1
    else:
        extended = _extended_header(data, first)
        if extended is None:
            return None
        header, rest = extended, 12
    size = end + len(header) - (rest - 12) + len(added) - 8
    if size > _LARGEST:
        return None
    riff = b"RIFF" + size.to_bytes(4, "little") + b"WEBP"
    return riff + header, Span(rest, end), added, Span(end, len(data))


def _extended_header(data: memoryview, first: _Chunk) -> bytes | None:
    """Return the VP8X chunk of a file that has none."""
    start = first.start
    if first.name == b"VP8L" and first.end - start >= 5 and data[start] == 0x2F:
        bits = int.from_bytes(data[start + 1 : start + 5], "little")
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    elif first.name == b"VP8 " and bytes(data[start + 3 : start + 6]) == b"\x9d\x01\x2a":
        width = (int.from_bytes(data[start + 6 : start + 8], "little") & 0x3FFF) - 1
        height = (int.from_bytes(data[start + 8 : start + 10], "little") & 0x3FFF) - 1
        alpha = 0
    else:
        return None
    if width < 0 or height < 0:
        return None
    flags = _XMP_FLAG | (_ALPHA_FLAG if alpha else 0)
    sizes = width.to_bytes(3, "little") + height.to_bytes(3, "little")
    return b"VP8X" + (10).to_bytes(4, "little") + bytes([flags, 0, 0, 0]) + sizes


def _chunks(data: memoryview) -> Iterator[_Chunk]:
    """Yield the chunks within the declared length."""
    position, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while position + 8 <= end:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        start = position + 8
        yield _Chunk(bytes(data[position : position + 4]), start, min(start + length, end))
        position = start + length + length % 2
