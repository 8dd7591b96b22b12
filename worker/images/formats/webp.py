"""WebP: RIFF chunks within the declared length (RFC 9649)."""

from worker.images.formats.errors import MOST_PARTS, not_image, too_many_parts, truncated, two_headers

_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_HEADERS = (frozenset({b"VP8X"}), frozenset({b"VP8 ", b"VP8L"}))  # of each, at most one beside the frames


def measure(data: memoryview) -> tuple[int, int]:
    """Return width and height, after checking all chunks; trailing bytes are ignored."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < max(end, 30):
        raise truncated("the WebP is shorter than it says")
    names = _walk(data, end)
    if not _PIXELS & names:
        raise truncated("the WebP has no pixels")
    return _size(data)


def _walk(data: memoryview, end: int) -> set[bytes]:
    position, names, chunks = 12, set[bytes](), 0
    while position + 8 <= end:
        chunks += 1
        if chunks > MOST_PARTS:
            raise too_many_parts()
        name = bytes(data[position : position + 4])
        if any(name in header and header & names for header in _HEADERS):
            raise two_headers("WebP")
        names.add(name)
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if position + 8 + length > end:
            raise truncated("a WebP chunk is cut off")
        position += 8 + length + (length & 1)
    return names


def _size(data: memoryview) -> tuple[int, int]:
    """Read width and height from the first chunk: VP8X, VP8L or VP8."""
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and bytes(data[23:26]) == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise not_image("the WebP does not begin with a picture header")
