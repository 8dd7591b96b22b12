"""Pieces: an edited file as spans of the original and the bytes that are inserted between them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Bytes of the original from ``start`` (inclusive) to ``end`` (exclusive)."""

    start: int
    end: int


Pieces = Sequence[bytes | Span]


def insert(length: int, at: int, inserted: bytes) -> Pieces:
    """Return the pieces of a file of this length with bytes inserted at an offset."""
    return Span(0, at), inserted, Span(at, length)


def contents(data: memoryview, pieces: Pieces) -> Iterator[memoryview]:
    """Yield the bytes of the pieces, without copies of the original."""
    for piece in pieces:
        yield data[piece.start : piece.end] if isinstance(piece, Span) else memoryview(piece)
