"""WebM: an EBML header and one segment (RFC 8794)."""

from worker.images.formats.errors import not_image, truncated

_SEGMENT = b"\x18\x53\x80\x67"


def measure(data: memoryview) -> tuple[None, None]:
    """Check that the segment is complete. The dimensions are nested deeply and not read."""
    if len(data) < 5:
        raise truncated("the WebM header is cut off")
    length, position = _number(data, 4)
    header_end = position + (length or 0)
    if len(data) < header_end:
        raise truncated("the WebM header is cut off")
    if b"webm" not in bytes(data[position:header_end][:256]):
        raise not_image("a Matroska file that is not WebM")
    if bytes(data[header_end : header_end + 4]) != _SEGMENT:
        raise truncated("the WebM has no segment")
    length, position = _number(data, header_end + 4)
    if position + (length or 1) > len(data):
        raise truncated("the WebM is shorter than it says")
    return None, None


def _number(data: memoryview, position: int) -> tuple[int | None, int]:
    """Return a variable-length number (``None``: unknown, as in live recordings) and its end position."""
    first = data[position] if position < len(data) else 0
    width = 9 - first.bit_length()
    if not first or position + width > len(data):
        raise truncated("the WebM is cut off")
    value = int.from_bytes(data[position : position + width]) & (1 << 7 * width) - 1
    return (None if value == (1 << 7 * width) - 1 else value), position + width
