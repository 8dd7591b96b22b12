"""GIF: blocks up to the trailer (GIF89a specification)."""

from worker.images.formats.errors import truncated

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def measure(data: memoryview) -> tuple[int, int]:
    """Return the canvas size, after checking the blocks up to the trailer; trailing bytes are ignored."""
    try:
        _walk(data)
    except IndexError as error:
        raise truncated("the GIF ends before its trailer") from error
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _walk(data: memoryview) -> None:
    position, pixels = 13 + _table(data[10]), False
    while (kind := data[position]) != _TRAILER:
        if kind == _EXTENSION:
            position = _after_blocks(data, position + 2)
        elif kind == _IMAGE:
            position, pixels = _after_blocks(data, position + 11 + _table(data[position + 9])), True
        else:
            raise truncated("the GIF is damaged between two blocks")
    if not pixels:
        raise truncated("the GIF has no pixels")


def _table(flags: int) -> int:
    """Return the size in bytes of the colour table that ``flags`` declare."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: memoryview, position: int) -> int:
    """Skip length-prefixed sub-blocks; return the position after the empty one."""
    while length := data[position]:
        position += length + 1
    return position + 1
