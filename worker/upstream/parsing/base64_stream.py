"""Extract long base64 from an answer while it arrives, and put short placeholders in its place.

No text of megabytes is ever built, parsed or searched. A placeholder keeps the run's first 128 and last 192
characters, which hold signatures and end markers, around the name of its bytes:
``<first 128>sha256/<64 hex digits>/<8 hex digits><last 192>``. The first number is the SHA-256 of the run's
decoded bytes, the second its length in characters. A placeholder consists of base64 characters only, so that
every search for base64 text finds it as such.

``Base64Extractor`` works on bytes as they arrive, with ``LineUnfolder`` before it for JSON.
``merge_placeholders`` and ``decode_placeholder`` work on the text of a whole answer.
"""

import binascii
import hashlib
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

INLINE_LIMIT = 64 * 1024  #: characters; shorter runs stay as they are
VERBATIM = sys.maxsize  #: an inline limit that keeps every character
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"  #: both of RFC 4648

_HEAD, _TAIL = 128, 192  #: characters; a placeholder has 400 in all
_MARK = "sha256/"
_NAME = re.compile(_MARK + r"([0-9a-f]{64})/([0-9a-f]{8})")
_ENCODE_CHUNK = 48 * 1024  #: bytes encoded as base64 at a time: a multiple of three
_SLICE = (
    64 * 1024
)  #: bytes scanned at a time: at most ``INLINE_LIMIT``, so that every long run crosses an edge
_ESCAPES = re.compile(rb"\\(.)", re.DOTALL)
_MAX_BACKSLASHES = 64  #: held back at the end of a chunk
_STANDARD = bytes.maketrans(b"-_", b"+/")
_FOLD = re.compile(rb"\\(?:r\\)?n")  #: a line end as JSON escapes it
_LINE = 60  #: characters of base64 that make a line
_MAX_HELD = _LINE + 8  #: bytes held back by ``LineUnfolder`` at most: a line, and the escape before it

Blobs = dict[str, bytes]  #: decoded bytes by their SHA-256 in hex digits


class Placeholder(NamedTuple):
    """Placeholder in a text: position, SHA-256 of its bytes, length of the run it replaces."""

    start: int
    end: int
    sha256: str
    characters: int


def find_placeholders(text: str) -> list[Placeholder]:
    """Return all placeholders in a text, in order."""
    if _MARK not in text:
        return []
    return [
        Placeholder(match.start() - _HEAD, match.end() + _TAIL, match[1], int(match[2], 16))
        for match in _NAME.finditer(text)
        if match.start() >= _HEAD and match.end() + _TAIL <= len(text)
    ]


class Base64Extractor:
    """Incremental filter: replaces runs longer than ``inline_limit``, and puts their bytes into ``blobs``.

    How the text is split into chunks makes no difference. A run that reaches the end of a chunk is held back
    until it ends. Every byte is scanned once, and a run of megabytes is decoded chunk by chunk. With
    ``unescape``, needlessly escaped slashes (``\\/``, as PHP writes them) become plain ones, and escaped line
    ends within base64 (``\\n`` every 76 characters, as MIME wraps it) are removed.
    """

    def __init__(self, blobs: Blobs, *, inline_limit: int = INLINE_LIMIT, unescape: bool = False) -> None:
        self._blobs, self._inline_limit = blobs, inline_limit
        self._short: list[bytes] = []  # a run that reaches the end of the last chunk, while it is short
        self._size = 0  # characters in it
        self._escape = 0  # its first characters that end an escape: ``n`` of ``\\n`` is no base64
        self._run: _LongRun | None = None  # one that is long
        self._after_backslash = False  # the last byte returned
        self._held = b""  # backslashes whose meaning the next byte decides
        self._unfolder = LineUnfolder() if unescape and inline_limit != VERBATIM else None

    @property
    def extracting(self) -> bool:
        """Whether a long run is being decoded."""
        return self._run is not None

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return those whose meaning is settled."""
        size = max(min(_SLICE, self._inline_limit) - _MAX_BACKSLASHES - _MAX_HELD, 1)
        settled = []
        for start in range(0, len(chunk), size):
            part = chunk[start : start + size]
            if self._unfolder is not None:
                part = self._unfolder.feed(self._unescape_slashes(part))
            settled.append(self._extract(part))
        return b"".join(settled)

    def close(self) -> bytes:
        """Take the end of the text; return what was held back."""
        held, self._held = self._held, b""
        rest = self._unfolder.feed(held, final=True) if self._unfolder is not None else b""
        return (self._extract(rest) if rest else b"") + self._end_run()

    def _end_run(self) -> bytes:
        """Return the run itself if it is short, else its placeholder."""
        if self._run is None and self._size - self._escape <= self._inline_limit:
            ended, self._short, self._size = b"".join(self._short), [], 0
            return ended
        run, self._run = self._run or self._long_run(), None
        return run.close(self._blobs)

    def _long_run(self) -> "_LongRun":
        """Return the short run as one that has become long."""
        text = b"".join(self._short)
        self._short, self._size = [], 0
        return _LongRun(text[: self._escape], text[self._escape :], batch=self._inline_limit)

    def _unescape_slashes(self, chunk: bytes) -> bytes:
        """Replace ``\\/`` by ``/``; other escapes stay."""
        chunk, self._held = self._held + chunk, b""
        if chunk.endswith(b"\\"):
            bare = chunk.rstrip(b"\\")
            if len(chunk) - len(bare) <= _MAX_BACKSLASHES:
                chunk, self._held = bare, chunk[len(bare) :]
        if b"\\/" not in chunk:
            return chunk
        return _ESCAPES.sub(_unescape_one, chunk) if b"\\\\" in chunk else chunk.replace(b"\\/", b"/")

    def _extract(self, chunk: bytes) -> bytes:
        ended = b""
        if self._run is not None or self._short:
            whole = not chunk.translate(None, ALPHABET)  # much faster than to strip it
            end = len(chunk) if whole else len(chunk) - len(chunk.lstrip(ALPHABET))
            if self._run is not None:
                self._run.feed(chunk[:end])
            else:
                self._short.append(chunk[:end])
                self._size += end
                if self._size > self._inline_limit + 5:
                    self._run = self._long_run()
            if end == len(chunk):
                return b""
            ended, chunk = self._end_run(), chunk[end:]
        start = len(chunk.rstrip(ALPHABET))
        if start < len(chunk):
            escaped = chunk[start - 1 : start] == b"\\" if start else self._after_backslash
            self._escape = (5 if chunk[start : start + 1] == b"u" else 1) if escaped else 0
            self._short, self._size = [chunk[start:]], len(chunk) - start
        self._after_backslash = chunk[:start].endswith(b"\\")
        return ended + chunk[:start]


class _LongRun:
    """A run of base64 characters that is decoded as it arrives; ``escape``: what is before it."""

    def __init__(self, escape: bytes, text: bytes, *, batch: int) -> None:
        self._escape, self._batch = escape, batch  # characters that are decoded at a time, at least
        self._chunks = [text]
        self._pending = len(text)  # characters in the chunks
        self._size = 0  # characters decoded
        self._head = self._tail = b""
        self._bytes = BytesIO()
        self._hash = hashlib.sha256()

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._pending += len(chunk)
        if self._pending > self._batch:
            self._decode()

    def close(self, blobs: Blobs) -> bytes:
        """Return the placeholder of the run."""
        self._decode()
        rest = b"".join(self._chunks)
        if rest and self._is_canonical(rest):
            self._append(rest, rest + b"=" * (4 - len(rest)))
            rest = b""
        key = self._hash.hexdigest()
        blobs.setdefault(key, self._bytes.getvalue())
        return b"".join(
            (self._escape, self._head, f"{_MARK}{key}/{self._size:08x}".encode(), self._tail, rest)
        )

    def _decode(self) -> None:
        """Decode all complete groups of four characters."""
        text = _to_standard(b"".join(self._chunks))
        whole = len(text) & ~3
        self._chunks, self._pending = [text[whole:]], len(text) - whole
        self._append(text[:whole], text[:whole])

    def _append(self, text: bytes, padded: bytes) -> None:
        data = binascii.a2b_base64(padded)
        self._hash.update(data)
        self._bytes.write(data)
        self._size += len(text)
        if len(self._head) < _HEAD:
            self._head = (self._head + text)[:_HEAD]
        self._tail = (self._tail + text[-_TAIL:])[-_TAIL:]

    @staticmethod
    def _is_canonical(rest: bytes) -> bool:
        """Return whether encoding the bytes of the last two or three characters gives the same characters."""
        if len(rest) == 1:
            return False
        padded = rest + b"=" * (4 - len(rest))
        return binascii.b2a_base64(binascii.a2b_base64(padded), newline=False) == padded


class LineUnfolder:
    """Incremental filter: removes escaped line ends inside base64, and keeps all others.

    A line end is inside base64 if there is base64 on both sides of it.
    """

    def __init__(self) -> None:
        self._held = b""  # a line end, and what follows it so far
        self._recent = b""  # the last characters returned

    def feed(self, chunk: bytes, *, final: bool = False) -> bytes:
        """Take the next bytes, the last ones if ``final``; return those whose meaning is settled."""
        data, self._held = self._held + chunk, b""
        if b"\\" not in data:
            self._recent = (self._recent + data)[-_LINE:]
            return data
        settled: list[bytes] = []
        position, end = 0, len(data) - 2 if data.endswith(b"\\r") and not final else len(data)
        for fold in _FOLD.finditer(data):
            after = data[fold.end() : fold.end() + _LINE]
            if len(after) < _LINE and not after.translate(None, ALPHABET) and not final:
                end = fold.start()
                break
            self._recent = (self._recent + data[position : fold.start()])[-_LINE:]
            if self._is_fold(after):
                settled.append(data[position : fold.start()])
                position = fold.end()
            else:
                settled.append(data[position : fold.end()])
                self._recent = (self._recent + fold[0])[-_LINE:]
                position = fold.end()
        self._held = data[end:]
        self._recent = (self._recent + data[position:end])[-_LINE:]
        return b"".join((*settled, data[position:end]))

    def _is_fold(self, after: bytes) -> bool:
        """Return whether base64 goes on after a line end: a whole line of it, or its last part."""
        if len(self._recent) < _LINE or self._recent.translate(None, ALPHABET):
            return False
        more = len(after) - len(after.lstrip(ALPHABET))
        return more == _LINE or (more > 0 and after[more : more + 1] in (b'"', b"=", b")"))


def replace_long_base64(text: str, *, inline_limit: int = INLINE_LIMIT) -> str:
    """Return a text with placeholders for its long runs, whose bytes are dropped."""
    if len(text) <= inline_limit:
        return text
    extractor = Base64Extractor({}, inline_limit=inline_limit)
    return decode_text(extractor.feed(encode_text(text)) + extractor.close())


def merge_placeholders(text: str, blobs: Blobs) -> str:
    """Merge placeholders that touch each other or other base64 into one.

    They are parts of one image that arrived in several long runs.
    """
    found = find_placeholders(text)
    if not any(_touches(text, each) for each in found):
        return text
    extractor, position, chunks = Base64Extractor(blobs), 0, []
    unused = dict(blobs)  # each blob is written once: repeated placeholders must not grow without bound
    for each in found:
        chunks.append(extractor.feed(encode_text(text[position : each.start])))
        chunks += (extractor.feed(chunk) for chunk in _encode_run(text, each, unused.pop(each.sha256, None)))
        position = each.end
    chunks += (extractor.feed(encode_text(text[position:])), extractor.close())
    return decode_text(b"".join(chunks))


def decode_placeholder(text: str, blobs: Blobs) -> bytes | None:
    """Return the bytes of a merged base64 text; ``None`` unless its placeholder is genuine."""
    bare = text.rstrip("=")
    found = find_placeholders(bare)
    if len(found) != 1 or found[0].start or len(bare) - found[0].end > 3:
        return None
    blob = blobs.get(found[0].sha256, b"")
    head = binascii.b2a_base64(blob[: _HEAD * 3 // 4], newline=False).decode()
    if not blob or not bare.startswith(head) or found[0].characters != (len(blob) * 4 + 2) // 3:
        return None
    # characters after the placeholder: unused bits that are not zero, by a non-canonical encoder
    rest = _to_standard(bare[found[0].end :].encode())
    return blob + binascii.a2b_base64(rest + b"=" * (4 - len(rest))) if len(rest) > 1 else blob


def encode_text(text: str) -> bytes:
    """Return a text as UTF-8, even one with lone surrogates."""
    return text.encode(errors="surrogatepass")


def decode_text(text: bytes) -> str:
    """Reverse ``encode_text``."""
    return text.decode(errors="surrogatepass")


def _touches(text: str, found: Placeholder) -> bool:
    around = text[max(found.start - 1, 0) : found.start] + text[found.end : found.end + 1]
    return any(sign.encode() in ALPHABET for sign in around if sign.isascii())


def _encode_run(text: str, found: Placeholder, blob: bytes | None) -> Iterator[bytes]:
    """Yield the base64 that a placeholder stands for, chunk by chunk; an unknown one stays as it is."""
    if blob is None:
        yield encode_text(text[found.start : found.end])
        return
    for start in range(0, len(blob), _ENCODE_CHUNK):
        yield binascii.b2a_base64(blob[start : start + _ENCODE_CHUNK], newline=False).rstrip(b"=")


def _unescape_one(escape: re.Match[bytes]) -> bytes:
    return b"/" if escape[1] == b"/" else escape[0]


def _to_standard(text: bytes) -> bytes:
    """Return base64 text in the standard alphabet."""
    return text.translate(_STANDARD) if b"-" in text or b"_" in text else text
