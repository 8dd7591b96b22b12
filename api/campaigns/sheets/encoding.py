"""Encoding of a text sheet: a byte order mark, UTF-8, UTF-16 without a mark, else GB18030."""

import codecs
from pathlib import Path

from api.campaigns.sheets.record import SheetError, UnreadableSheet

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 2**20
_SAMPLE = 4096


def find_encoding(path: Path, declared: str | None = None) -> str:
    """Return the encoding of a whole file. ``declared``: by the client. Raises ``UnreadableSheet``.

    The whole file is decoded once: so an error names its line, and no row is read in a wrong encoding.
    """
    if declared is not None:
        try:
            codecs.lookup(declared)
        except LookupError as error:
            words = f"there is no encoding {declared[:50]!r}"
            raise UnreadableSheet(SheetError(0, None, "encoding", words)) from error
    head = _head(path)
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    candidates = [marked or declared or _utf_16(head) or "utf-8"]
    if not (marked or declared or candidates != ["utf-8"]):
        candidates.append("gb18030")
    lines = [_first_fault(path, encoding) for encoding in candidates]
    for encoding, line in zip(candidates, lines, strict=True):
        if line is None:
            return encoding
    words = f"the bytes of this line are not {candidates[0].upper()}; save the sheet as UTF-8"
    raise UnreadableSheet(SheetError(lines[0] or 0, None, "encoding", words))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SAMPLE)


def _utf_16(head: bytes) -> str | None:
    """Return the kind of UTF-16 of a text without a mark, by its NUL bytes: half of ASCII's are."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) or len(head) < 4:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _first_fault(path: Path, encoding: str) -> int | None:
    """Return the first line that can't be decoded; ``None``: all can."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            if not block:
                return None
