"""JSON parser for large bodies: no step holds the interpreter for long, nor takes a multiple of its text.

``orjson`` parses a text in one go, during which no other thread runs: 60 MB take 0.1 s and more on an idle
machine. Most of a large body is images in base64. So long strings are taken out and parsed a piece at a time,
and ``orjson`` parses the rest, in which a mark stands for each of them.
"""

import json
from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import Any

import orjson

from api.web.json_text.structure import Span, StructureError, scan

MOST_TEXT = 16 * 2**20  #: bytes of a body beside long strings that are ASCII alone, as base64 is

_PIECE = 2**20  # bytes that are parsed at once
_ESCAPE = 6  # bytes of the longest escape, \u0000
_HIGH_SURROGATES = (b"\\ud8", b"\\ud9", b"\\uda", b"\\udb")


def parse_text(raw: bytes) -> tuple[Any, bool]:
    """Return the value of JSON text, its integers exactly, and whether it may have a NUL character.

    Raises ``StructureError`` and ``ValueError``, each with a sentence.
    """
    found = scan(raw)
    room = _left(MOST_TEXT, len(raw) - sum(end - start for start, end in found.long_strings))
    prefix = token_hex(8) if found.long_strings else ""  # no string of the body can be taken for a mark
    marks, texts = {}, {}
    for number, (start, end) in enumerate(found.long_strings):
        parts = list(_pieces(raw, start, end))
        if not all(map(str.isascii, parts)):  # one that is not makes the whole take four bytes a character
            room = _left(room, end - start)
        mark = f"{prefix}{number}"
        marks[mark], texts[mark] = (start, end), "".join(parts)
    rest = _without(raw, marks)
    try:
        value = orjson.loads(rest)
        # orjson reads integers beyond 64 bits as floats; it has checked the rest
        value = json.loads(rest) if found.long_number else value
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {_place(error.pos, marks):,}") from error
    return (_restored(value, texts) if texts else value), found.nul


def _left(room: int, size: int) -> int:
    """Return the bytes of text that are left. Raises ``StructureError``."""
    if size > room:
        message = f"It may have at most {MOST_TEXT:,} bytes beside images in base64; send several requests"
        raise StructureError(message, "json_too_complex")
    return room - size


def _without(raw: bytes, marks: Mapping[str, Span]) -> bytes:
    """Return the text with marks in place of long strings."""
    parts, at = [], 0
    for mark, (start, end) in marks.items():
        parts += [raw[at:start], mark.encode()]
        at = end
    return b"".join([*parts, raw[at:]]) if parts else raw


def _place(position: int, marks: Mapping[str, Span]) -> int:
    """Return where a place of the text with marks is in the body."""
    for mark, (start, end) in marks.items():
        if start < position:
            position += end - start - len(mark)
    return position


def _pieces(raw: bytes, start: int, end: int) -> Iterator[str]:
    """Yield a string's value. Raises ``ValueError``."""
    while start < end:
        piece = raw[start:end] if end - start <= _PIECE else _complete(raw[start : start + _PIECE])
        try:
            yield orjson.loads(b'"%b"' % piece)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"{error.msg} at character {start + error.pos - 1:,}") from error
        start += len(piece)


def _complete(piece: bytes) -> bytes:
    """Return a piece of a string without the character, escape or surrogate pair that it ends within."""
    for length in (1, 2, 3):  # bytes of a character that began
        if piece[-length] >= 0xC0:
            return piece[:-length]
        if piece[-length] < 0x80:
            break
    if _ends_in_escape(piece):
        piece = piece[:-1]
    opened = piece.rfind(b"\\u", len(piece) - _ESCAPE + 1)
    if opened >= 0 and not _ends_in_escape(piece[:opened]):
        piece = piece[:opened]
    last = piece[-_ESCAPE:]
    if last[:4].lower() in _HIGH_SURROGATES and not _ends_in_escape(piece[:-_ESCAPE]):
        piece = piece[:-_ESCAPE]
    return piece


def _ends_in_escape(piece: bytes) -> bool:
    """Return whether a piece ends with the backslash of an escape: with an odd number of them."""
    return (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1


def _restored(value: Any, texts: Mapping[str, str]) -> Any:
    """Return a value with the long strings in place of their marks, in the same lists and objects."""
    whole = [value]
    rest: list[Any] = [whole]
    while rest:
        inner = rest.pop()
        if isinstance(inner, dict):
            if not texts.keys().isdisjoint(inner):
                members = [(texts.get(name, name), each) for name, each in inner.items()]
                inner.clear()
                inner.update(members)
            places: Any = inner.items()
        else:
            places = enumerate(inner)
        for place, each in places:
            if isinstance(each, str):
                if each in texts:
                    inner[place] = texts[each]
            elif isinstance(each, dict | list):
                rest.append(each)
    return whole[0]
