"""PNG: chunks with checksums from IHDR to IEND (W3C PNG, section 5)."""

import zlib

from worker.images.formats.errors import MOST_PARTS, not_image, too_many_parts, truncated, two_headers


def measure(data: memoryview) -> tuple[int, int]:
    """Return width and height, after checking every chunk up to IEND; trailing bytes are ignored."""
    if len(data) < 33:
        raise truncated("the PNG header is cut off")
    if bytes(data[8:16]) != b"\x00\x00\x00\rIHDR":
        raise not_image("the PNG does not begin with its header chunk")
    _walk(data)
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _walk(data: memoryview) -> None:
    """Check the chunks; each ends with a CRC over its name and content. The first is the only header."""
    position, pixels = 8, False
    for number in range(MOST_PARTS):
        name = bytes(data[position + 4 : position + 8])
        end = position + 12 + int.from_bytes(data[position : position + 4])
        if end > len(data) or len(name) < 4:
            raise truncated("the PNG ends before its IEND chunk")
        if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise truncated("a PNG chunk does not match its checksum")
        if name == b"IHDR" and number:
            raise two_headers("PNG")
        pixels = pixels or name == b"IDAT"
        if name == b"IEND":
            if not pixels:
                raise truncated("the PNG has no pixels")
            return
        position = end
    raise too_many_parts()
