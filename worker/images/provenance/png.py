"""PNG: XMP in an iTXt chunk after the header, C2PA in a caBX chunk (W3C PNG, 11.3.3; C2PA 2.1, A.3.2)."""

import zlib
from collections.abc import Iterator

from worker.images.provenance.pieces import Pieces, insert

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33  # signature and IHDR
_KEYWORD = b"XML:com.adobe.xmp\0"


def has_c2pa(data: memoryview) -> bool:
    """Return whether the file has a C2PA manifest."""
    return any(name == b"caBX" for name, _ in _chunks(data))


def find_xmp(data: memoryview) -> bytes | None:
    """Return the text of the file's XMP chunk."""
    for name, content in _chunks(data):
        if name == b"iTXt" and bytes(content[: len(_KEYWORD)]) == _KEYWORD:
            return bytes(content[len(_KEYWORD) :])
    return None


def insert_xmp(data: memoryview, packet: bytes) -> Pieces | None:
    """Return the file with a chunk of the packet; ``None``: it has no valid header."""
    if len(data) < _HEADER_END or bytes(data[12:16]) != b"IHDR":
        return None
    content = b"iTXt" + _KEYWORD + b"\0\0\0\0" + packet  # not compressed, no language, no translated keyword
    size = (len(content) - 4).to_bytes(4)
    return insert(len(data), _HEADER_END, size + content + zlib.crc32(content).to_bytes(4))


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        yield bytes(data[position + 4 : position + 8]), data[position + 8 : position + 8 + length]
        position += 12 + length
