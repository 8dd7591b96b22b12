"""AVIF, HEIC and MP4: nested boxes (ISO/IEC 14496-12, ISO/IEC 23008-12)."""

from collections.abc import Iterator

from worker.images.formats.errors import too_many_parts, truncated, two_headers

_MOST_BOXES = 20_000  # side by side; a fragmented video has two for every second or so
_MOST_TRACKS = 100
Box = tuple[bytes, memoryview]  #: its name and its content


def measure_image(data: memoryview) -> tuple[int, int]:
    """Return width and height of the largest image; all boxes must be complete."""
    top = _by_name(data, b"ftyp", b"meta")
    meta = top.get(b"meta", data[:0])[4:]
    if not {b"mdat", b"moov"} & top.keys() and b"idat" not in dict(boxes(meta)):
        raise truncated("the picture's data is missing")
    sizes = [
        (int.from_bytes(content[4:8]), int.from_bytes(content[8:12]))
        for name, content in boxes(_find(meta, b"iprp", b"ipco"))
        if name == b"ispe"
    ]
    if not sizes:
        raise truncated("the picture does not tell its size")
    return max(sizes, key=lambda size: size[0] * size[1])


def measure_video(data: memoryview) -> tuple[int | None, int | None]:
    """Return width and height of the video track, or ``None``; header and data must be complete."""
    top = _by_name(data, b"ftyp", b"moov")
    if b"moov" not in top or not {b"mdat", b"moof"} & top.keys():
        raise truncated("the video's header or data is missing")
    for number, (name, track) in enumerate(boxes(top[b"moov"])):
        if number > _MOST_TRACKS:
            raise too_many_parts(_MOST_TRACKS)
        if name == b"trak" and (size := _track_size(dict(boxes(track)).get(b"tkhd"))):
            return size
    return None, None


def boxes(data: memoryview) -> Iterator[Box]:
    """Yield the boxes of ``data``. Raises ``ImageError`` if one extends beyond it, or there are too many."""
    position = number = 0
    while position < len(data):
        number += 1
        if number > _MOST_BOXES:
            raise too_many_parts(_MOST_BOXES)
        length, header = int.from_bytes(data[position : position + 4]), 8
        if length == 1:
            length, header = int.from_bytes(data[position + 8 : position + 16]), 16
        elif length == 0:
            length = len(data) - position
        if length < header or position + length > len(data):
            raise truncated("a box is cut off")
        yield bytes(data[position + 4 : position + 8]), data[position + header : position + length]
        position += length


def _find(data: memoryview, *path: bytes) -> memoryview:
    for name in path:
        data = _by_name(data, name).get(name, data[:0])
    return data


def _by_name(data: memoryview, *single: bytes) -> dict[bytes, memoryview]:
    """Return the boxes by name; of those named ``single`` there may be one each. Raises ``ImageError``."""
    found: dict[bytes, memoryview] = {}
    for name, content in boxes(data):
        if name in found and name in single:
            raise two_headers("file")
        found[name] = content
    return found


def _track_size(header: memoryview | None) -> tuple[int, int] | None:
    """Read width and height from a track header's last eight bytes: 16.16 numbers, zero for sound."""
    if header is None or len(header) < 8:
        return None
    width, height = int.from_bytes(header[-8:-6]), int.from_bytes(header[-4:-2])
    return (width, height) if width and height else None
