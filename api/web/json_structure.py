"""Limits on the structure of JSON text, checked before it is parsed.

A parsed value may take twenty times the memory of its text: each ``[],`` is a list. The scan is linear and
works on one block of the text after another, so that a thread that runs it lets others run in between.
"""

from collections.abc import Iterator
from itertools import accumulate

MOST_NODES = 200_000  #: members and elements of one body
DEEPEST = 1024  #: nesting levels of one body; the parser has the same limit

_BLOCK = 64 * 1024  # bytes
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_DIGITS = bytes(ord("9") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"9" * 19


class StructureError(ValueError):
    """JSON text with too many nodes, or nested too deeply; the message is a sentence."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def has_long_number(raw: bytes, *, nodes: int = MOST_NODES, depth: int = DEEPEST) -> bool:
    """Check JSON text, and return whether a number in it has 19 digits or more.

    Raises ``StructureError`` as soon as a limit is exceeded. Text that is not JSON may pass.
    """
    found, strings, level, long_number, tail = 1, 0, 0, False, b""
    for block in _without_strings(raw):
        found += block.count(b",") + block.count(b"[") + block.count(b"{")
        strings += block.count(b'"')
        if max(found, strings // 2) > nodes:  # a string is a node, or the name of one
            raise StructureError(
                f"It may have at most {nodes:,} members and elements; send several requests",
                "json_too_complex",
            )
        levels = list(
            accumulate(map(_STEPS.__getitem__, block.translate(None, _NOT_BRACKETS)), initial=level)
        )
        if max(levels) > depth:
            raise StructureError(f"It may be nested at most {depth:,} levels deep", "malformed_json")
        if min(levels) < 0:
            return False  # the parser refuses it
        level = levels[-1]
        digits = tail + block.translate(_DIGITS)
        long_number = long_number or _LONG_NUMBER in digits
        tail = digits[-len(_LONG_NUMBER) :]
    return long_number


def _without_strings(raw: bytes) -> Iterator[bytes]:
    """Yield the text outside strings, block by block; a quotation mark stands for each string."""
    start, inside = 0, False
    while start < len(raw):
        block = raw[start : start + _BLOCK]
        if (len(block) - len(block.rstrip(b"\\"))) % 2:  # an escape stays in one block
            block = raw[start : start + _BLOCK + 1]
        start += len(block)
        if b"\\" in block:
            block = block.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = block.split(b'"')
        yield b'"'.join(parts[inside::2])
        inside ^= len(parts) % 2 == 0
