"""GIF: blocks up to the trailer (GIF89a specification)."""

from worker.images.formats.errors import too_many_parts, truncated

_MOST_BLOCKS = 1_000_000  # sub-blocks: each has at most 255 bytes, so that a GIF needs many
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def measure(data: memoryview) -> tuple[int, int]:
    """Return the canvas size, after checking the blocks up to the trailer; trailing bytes are ignored."""
    try:
        _walk(data)
    except IndexError as error:
        raise truncated("the GIF ends before its trailer") from error
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _walk(data: memoryview) -> None:
    position, pixels, blocks = 13 + _table(data[10]), False, 0
    while (kind := data[position]) != _TRAILER:
        if kind == _EXTENSION:
            position, blocks = _after_blocks(data, position + 2, blocks)
        elif kind == _IMAGE:
            pixels = True
            position, blocks = _after_blocks(data, position + 11 + _table(data[position + 9]), blocks)
        else:
            raise truncated("the GIF is damaged between two blocks")
    if not pixels:
        raise truncated("the GIF has no pixels")


def _table(flags: int) -> int:
    """Return the size in bytes of the colour table that ``flags`` declare."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: memoryview, position: int, blocks: int) -> tuple[int, int]:
    """Skip length-prefixed sub-blocks; return the position after the empty one, and their number so far."""
    while length := data[position]:
        position += length + 1
        blocks += 1
        if blocks > _MOST_BLOCKS:
            raise too_many_parts(_MOST_BLOCKS)
    return position + 1, blocks + 1
