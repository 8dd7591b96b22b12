"""Limits on the structure of JSON text, checked before it is parsed.

A parsed value may take twenty times the memory of its text: each ``[],`` is a list. The scan is linear and
works on one block of the text after another, so that a thread that runs it lets others run in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

MOST_NODES = 200_000  #: members and elements of one body
DEEPEST = 1024  #: nesting levels of one body; the parser has the same limit
LONG_STRING = 8 * 1024  #: bytes; longer strings, as images in base64 are, are parsed apart

_BLOCK = LONG_STRING  # bytes: a long string is never within one block
_NUL = b"\\u0000"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_DIGITS = bytes(ord("9") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"9" * 19

Span = tuple[int, int]  #: offsets of a string's content: its first byte, and its closing quotation mark


class StructureError(ValueError):
    """JSON text with too many nodes, or nested too deeply; the message is a sentence."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Structure:
    """What a scan of JSON text found."""

    long_number: bool  #: whether a number has 19 digits or more
    nul: bool  #: whether there may be an escaped NUL character
    long_strings: Sequence[Span]


@dataclass(slots=True)
class _Strings:
    """Splits text into what is outside of strings and the spans of the long ones."""

    raw: bytes
    nul: bool = False
    long: list[Span] = field(default_factory=list)

    def outside(self) -> Iterator[bytes]:
        """Yield the text outside strings, block by block; a quotation mark stands for each string."""
        start, began, inside = 0, 0, False
        while start < len(self.raw):
            block = self.raw[start : start + _BLOCK]
            if (len(block) - len(block.rstrip(b"\\"))) % 2:  # an escape stays in one block
                block = self.raw[start : start + _BLOCK + 1]
            end = start + len(block)
            if b"\\" in block:
                self.nul = self.nul or _NUL in self.raw[start : end + len(_NUL)]
                block = block.replace(b"\\\\", b"__").replace(b'\\"', b"__")
            parts = block.split(b'"')
            if inside and len(parts) > 1 and (closed := start + len(parts[0])) - began > LONG_STRING:
                self.long.append((began, closed))
            yield b'"'.join(parts[inside::2])
            inside ^= len(parts) % 2 == 0
            if len(parts) > 1:
                began = end - len(parts[-1])
            start = end


def scan(raw: bytes, *, nodes: int = MOST_NODES, depth: int = DEEPEST) -> Structure:
    """Check JSON text, and return what its parser has to know.

    Raises ``StructureError`` as soon as a limit is exceeded. Text that is not JSON may pass.
    """
    found, marks, level, long_number, tail = 1, 0, 0, False, b""
    strings = _Strings(raw)
    for block in strings.outside():
        found += block.count(b",") + block.count(b"[") + block.count(b"{")
        marks += block.count(b'"')
        if max(found, marks // 2) > nodes:  # a string is a node, or the name of one
            raise StructureError(
                f"It may have at most {nodes:,} members and elements; send several requests",
                "json_too_complex",
            )
        if brackets := block.translate(None, _NOT_BRACKETS):
            levels = list(accumulate(map(_STEPS.__getitem__, brackets), initial=level))
            if max(levels) > depth:
                raise StructureError(f"It may be nested at most {depth:,} levels deep", "malformed_json")
            if min(levels) < 0:
                raise StructureError("It closes a bracket that it did not open", "malformed_json")
            level = levels[-1]
        digits = tail + block.translate(_DIGITS)
        long_number = long_number or _LONG_NUMBER in digits
        tail = digits[-len(_LONG_NUMBER) :]
    return Structure(long_number, strings.nul, strings.long)
