"""GIF: blocks up to the trailer (GIF89a specification)."""

from worker.images.formats.errors import too_many_parts, truncated

_MOST_BLOCKS = 1_000_000  # sub-blocks: each has at most 255 bytes, so that a GIF needs many
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def measure(data: memoryview) -> tuple[int, int]:
    """Return the size that holds the canvas and every frame, after checking the blocks up to the trailer.

    Trailing bytes are ignored. Decoders enlarge a canvas that is smaller than a frame.
    """
    try:
        return _walk(data)
    except IndexError as error:
        raise truncated("the GIF ends before its trailer") from error


def _walk(data: memoryview) -> tuple[int, int]:
    position, pixels, blocks = 13 + _table(data[10]), False, 0
    width, height = _number(data, 6), _number(data, 8)
    while (kind := data[position]) != _TRAILER:
        if kind == _EXTENSION:
            position, blocks = _after_blocks(data, position + 2, blocks)
        elif kind == _IMAGE:
            pixels = True
            width = max(width, _number(data, position + 1) + _number(data, position + 5))
            height = max(height, _number(data, position + 3) + _number(data, position + 7))
            position, blocks = _after_blocks(data, position + 11 + _table(data[position + 9]), blocks)
        else:
            raise truncated("the GIF is damaged between two blocks")
    if not pixels:
        raise truncated("the GIF has no pixels")
    return width, height


def _number(data: memoryview, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "little")


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
