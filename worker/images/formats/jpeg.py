"""JPEG: marker segments from SOI to EOI (ITU-T T.81, annex B)."""

import re

from worker.images.formats.errors import not_image, too_many_parts, truncated, two_headers

_MOST_SEGMENTS = 10_000  # encoders write tens; large metadata take one for every 64 kB
_MOST_SCANS = 500  # each is a pass over all pixels; encoders write about ten

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  #: start-of-frame markers
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  #: markers without a length
_SCAN, _END = 0xDA, 0xD9
#: In compressed data 0xFF is followed by 0x00 or a restart number; anything else is the next marker.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FILL = re.compile(rb"\xff+")
_WINDOW = 1 << 20  #: bytes of one search, during which other threads wait


def measure(data: memoryview) -> tuple[int, int]:
    """Return width and height, after checking the segments up to EOI; trailing bytes are ignored."""
    size, scans, position = None, 0, 2
    for _ in range(_MOST_SEGMENTS):
        marker, position = _next(data, position)
        if marker == _END:
            break
        if marker in _BARE:
            continue
        length = int.from_bytes(data[position : position + 2])
        if length < 2 or position + length > len(data):
            raise truncated("a JPEG segment is cut off")
        if marker in _SIZES:
            if size is not None:
                raise two_headers("JPEG")
            size = (
                int.from_bytes(data[position + 5 : position + 7]),
                int.from_bytes(data[position + 3 : position + 5]),
            )
        position += length
        if marker == _SCAN:
            scans, position = scans + 1, _after_scan(data, position)
            if scans > _MOST_SCANS:
                raise too_many_parts(_MOST_SCANS)
    else:
        raise too_many_parts(_MOST_SEGMENTS)
    if size is None or not scans:
        raise not_image("the JPEG has no pixels")
    return size


def _next(data: memoryview, position: int) -> tuple[int, int]:
    """Return the marker at ``position`` and the position of its content; fill bytes are skipped."""
    if position < len(data) and data[position] != 0xFF:
        raise truncated("the JPEG is damaged between two segments")
    fill = _FILL.match(data, position)
    position = fill.end() if fill else position
    if position >= len(data):
        raise truncated("the JPEG ends without its end marker")
    return data[position], position + 1


def _after_scan(data: memoryview, position: int) -> int:
    """Return the position of the first marker after the compressed data."""
    for start in range(position, len(data), _WINDOW):
        if found := _MARKER.search(data, start, start + _WINDOW + 1):
            return found.start()
    raise truncated("the JPEG ends without its end marker")
