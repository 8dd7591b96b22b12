"""Long runs of base64 leave an answer while it arrives: decoded at once, a short stand-in takes their place.

So no text of megabytes is ever built, parsed or searched. A stand-in keeps the run's first 128 and last 192
characters, in which signatures and end markers are, and names what was between them and around:
``<first 128>sha256/<64 hex digits>/<8 hex digits><last 192>``. The first number is the SHA-256 of the whole
run's bytes, the second says how many characters the run had. It is made of base64 characters only, so
everything that looks for base64 text finds it as such.
"""

import binascii
import hashlib
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

# Base64 that was broken into lines, as MIME does every 76 characters: escaped line ends are taken out.

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"  #: both of RFC 4648
_FOLD = re.compile(rb"\\(?:r\\)?n")
_LINE = 60  #: characters of base64 that make a line
HELD = _LINE + 8  #: bytes held back at most: a line, and the escape before it


class LineUnfolder:
    """Takes escaped line ends out of base64, and leaves all others: both sides have to look like base64."""

    def __init__(self) -> None:
        self._held = b""  # a line end, and too little behind it to tell
        self._past = b""  # the last characters that were given back

    def feed(self, piece: bytes, *, final: bool = False) -> bytes:
        """Take the next bytes and return those that are settled by now."""
        data, self._held = self._held + piece, b""
        if b"\\" not in data:
            self._past = (self._past + data)[-_LINE:]
            return data
        given: list[bytes] = []
        position = 0
        for fold in _FOLD.finditer(data):
            after = data[fold.end() : fold.end() + _LINE]
            if len(after) < _LINE and not after.translate(None, ALPHABET) and not final:
                return self._hold(data, position, fold.start(), given)
            self._past = (self._past + data[position : fold.start()])[-_LINE:]
            if self._folds(after):
                given.append(data[position : fold.start()])
                position = fold.end()
            else:
                given.append(data[position : fold.end()])
                self._past = (self._past + fold[0])[-_LINE:]
                position = fold.end()
        if data.endswith(b"\\r") and not final:
            return self._hold(data, position, len(data) - 2, given)
        return self._hold(data, position, len(data), given)

    def _hold(self, data: bytes, position: int, end: int, given: list[bytes]) -> bytes:
        self._held = data[end:]
        self._past = (self._past + data[position:end])[-_LINE:]
        return b"".join((*given, data[position:end]))

    def _folds(self, after: bytes) -> bool:
        """Tell whether base64 goes on: a whole line of it, or what is left of it up to its end."""
        if len(self._past) < _LINE or self._past.translate(None, ALPHABET):
            return False
        more = len(after) - len(after.lstrip(ALPHABET))
        return more == _LINE or (more > 0 and after[more : more + 1] in (b'"', b"=", b")"))


INLINE_LIMIT = 64 * 1024  #: characters; shorter runs stay as they are
VERBATIM = sys.maxsize  #: for readers who want every character, whatever it costs
_HEAD, _TAIL = 128, 192  #: characters; a stand-in has 400 in all
_GROUPS = 48 * 1024  #: bytes written as base64 in one go: a multiple of three
_SLICE = 64 * 1024  #: bytes looked at in one go: at most ``LONG``, so that every long run crosses an edge
_RUN = re.compile(rb"[\w+/-]*")
_ESCAPES = re.compile(rb"\\(.)", re.DOTALL)
_BACKSLASHES = 64  #: at the end of a piece that are held back at most
_STANDARD = bytes.maketrans(b"-_", b"+/")
_MARK = "sha256/"
_NAME = re.compile(_MARK + r"([0-9a-f]{64})/([0-9a-f]{8})")

Blobs = dict[str, bytes]  #: what stand-ins stand for: bytes by their SHA-256 in hex digits


class Placeholder(NamedTuple):
    """A stand-in in a text: where it is, which bytes it means, and how many characters it replaces."""

    start: int
    end: int
    sha256: str
    characters: int


def find_placeholders(text: str) -> list[Placeholder]:
    """Return all stand-ins in a text, in order."""
    if _MARK not in text:
        return []
    return [
        Placeholder(match.start() - _HEAD, match.end() + _TAIL, match[1], int(match[2], 16))
        for match in _NAME.finditer(text)
        if match.start() >= _HEAD and match.end() + _TAIL <= len(text)
    ]


class Base64Extractor:
    """Takes a text in pieces and gives it back with its long runs replaced; the bytes go into ``blobs``.

    How the text was split makes no difference. A run that reaches the end of what is known is held back
    until its end has come. Every byte is looked at once, and a run of megabytes is decoded piece by piece.
    With ``slashes``, those that were escaped without need (``\\/``, as PHP does) become plain ones, and
    escaped line ends within base64 (``\\n`` every 76 characters, as MIME wraps it) are taken out.
    """

    def __init__(self, blobs: Blobs, *, inline_limit: int = INLINE_LIMIT, unescape: bool = False) -> None:
        self._blobs, self._long, self._slashes = blobs, inline_limit, unescape and inline_limit != VERBATIM
        self._run: _Run | None = None
        self._escape = False  # the last byte that was given back is a backslash
        self._held = b""  # backslashes whose meaning the next byte decides
        self._lines = LineUnfolder() if self._slashes else None

    @property
    def cutting(self) -> bool:
        """Whether a long run is under way."""
        return self._run is not None and self._run.decoding

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes and return those that are settled by now."""
        size = max(min(_SLICE, self._long) - _BACKSLASHES - HELD, 1)
        if len(piece) <= size:
            return self._feed(piece)
        return b"".join(self._feed(piece[start : start + size]) for start in range(0, len(piece), size))

    def close(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        rest = self._lines.feed(held, final=True) if self._lines is not None else b""
        return (self._cut(rest) if rest else b"") + self._end_run()

    def _end_run(self) -> bytes:
        run, self._run = self._run, None
        return run.close(self._blobs) if run is not None else b""

    def _plain(self, piece: bytes) -> bytes:
        """Take the backslashes from escaped slashes."""
        piece, self._held = self._held + piece, b""
        if piece.endswith(b"\\"):
            bare = piece.rstrip(b"\\")
            if len(piece) - len(bare) <= _BACKSLASHES:
                piece, self._held = bare, piece[len(bare) :]
        if b"\\/" not in piece:
            return piece
        return _ESCAPES.sub(_unescaped, piece) if b"\\\\" in piece else piece.replace(b"\\/", b"/")

    def _feed(self, piece: bytes) -> bytes:
        return self._cut(piece if self._lines is None else self._lines.feed(self._plain(piece)))

    def _cut(self, piece: bytes) -> bytes:
        ended = b""
        if self._run is not None:
            end = len(piece) if not piece.translate(None, ALPHABET) else _end(piece)
            self._run.feed(piece[:end])
            if end == len(piece):
                return b""
            ended, piece = self._end_run(), piece[end:]
        start = len(piece.rstrip(ALPHABET))
        if start < len(piece):
            escaped = piece[start - 1 : start] == b"\\" if start else self._escape
            self._run = _Run(piece[start:], escaped=escaped, long=self._long)
        self._escape = piece[:start].endswith(b"\\")
        return ended + piece[:start]


def replace_long_base64(text: str, *, inline_limit: int = INLINE_LIMIT) -> str:
    """Return a whole text with stand-ins for its long runs; the bytes are forgotten."""
    if len(text) <= inline_limit:
        return text
    runs = Base64Extractor({}, inline_limit=inline_limit)
    return decode_text(runs.feed(encode_text(text)) + runs.close())


def merge_placeholders(text: str, blobs: Blobs) -> str:
    """Make one stand-in of those that touch each other or other base64: one picture came in long pieces."""
    found = find_placeholders(text)
    if not any(_touches(text, each) for each in found):
        return text
    runs, position, pieces = Base64Extractor(blobs), 0, []
    once = dict(blobs)  # what is repeated on purpose could grow without end
    for each in found:
        pieces.append(runs.feed(encode_text(text[position : each.start])))
        pieces += (runs.feed(piece) for piece in _characters(text, each, once.pop(each.sha256, None)))
        position = each.end
    pieces += (runs.feed(encode_text(text[position:])), runs.close())
    return decode_text(b"".join(pieces))


def decode_placeholder(text: str, blobs: Blobs) -> bytes | None:
    """Return the bytes of ``joined`` base64 text that has a genuine stand-in, else ``None``."""
    bare = text.rstrip("=")
    found = find_placeholders(bare)
    if len(found) != 1 or found[0].start or len(bare) - found[0].end > 3:
        return None
    blob = blobs.get(found[0].sha256, b"")
    head = binascii.b2a_base64(blob[: _HEAD * 3 // 4], newline=False).decode()
    if not blob or not bare.startswith(head) or found[0].characters != (len(blob) * 4 + 2) // 3:
        return None
    rest = _normal(bare[found[0].end :].encode())  # its unused bits are not zero: an odd encoder
    return blob + binascii.a2b_base64(rest + b"=" * (4 - len(rest))) if len(rest) > 1 else blob


def encode_text(text: str) -> bytes:
    """Return a text as bytes, even one with halves of characters."""
    return text.encode(errors="surrogatepass")


def decode_text(text: bytes) -> str:
    """Return what ``encoded`` made bytes of."""
    return text.decode(errors="surrogatepass")


def _touches(text: str, found: Placeholder) -> bool:
    around = text[max(found.start - 1, 0) : found.start] + text[found.end : found.end + 1]
    return any(sign.encode() in ALPHABET for sign in around if sign.isascii())


def _characters(text: str, found: Placeholder, blob: bytes | None) -> Iterator[bytes]:
    """Write the run that a stand-in stands for again, piece by piece; an unknown one is but text."""
    if blob is None:
        yield encode_text(text[found.start : found.end])
        return
    for start in range(0, len(blob), _GROUPS):
        yield binascii.b2a_base64(blob[start : start + _GROUPS], newline=False).rstrip(b"=")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return b"/" if escape[1] == b"/" else escape[0]


def _end(piece: bytes) -> int:
    match = _RUN.match(piece)
    return match.end() if match else 0


class _Run:
    """One run, kept as it is until it is long, and decoded from then on.

    After a backslash the run begins with the rest of an escape (``n`` of ``\\n``), which is no base64.
    """

    def __init__(self, piece: bytes, *, escaped: bool, long: int) -> None:
        self._escaped, self._long = escaped, long
        self._pieces = [piece]
        self._waiting = len(piece)  # characters in the pieces
        self._before = b""  # the rest of an escape
        self._size = 0  # characters decoded
        self._head = self._tail = b""
        self._bytes = BytesIO()
        self._hash = hashlib.sha256()

    @property
    def decoding(self) -> bool:
        return self._size > 0

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > self._long + 5:
            self._decode()

    def close(self, blobs: Blobs) -> bytes:
        """Return the run, or its stand-in."""
        skipped = 0 if self.decoding else self._escape()
        if not self.decoding and self._waiting - skipped <= self._long:
            return b"".join(self._pieces)
        self._decode()
        rest = b"".join(self._pieces)
        if rest and self._is_canonical(rest):
            self._take(rest, rest + b"=" * (4 - len(rest)))
            rest = b""
        key = self._hash.hexdigest()
        blobs.setdefault(key, self._bytes.getvalue())
        return b"".join(
            (self._before, self._head, f"{_MARK}{key}/{self._size:08x}".encode(), self._tail, rest)
        )

    def _escape(self) -> int:
        """Return how many characters belong to the escape before the run."""
        if not self._escaped or self._before:
            return 0
        return 5 if self._pieces[0].startswith(b"u") else 1

    def _decode(self) -> None:
        """Decode all whole groups of four characters that wait."""
        text = b"".join(self._pieces)
        if not self.decoding and (skipped := self._escape()):
            self._before, text = text[:skipped], text[skipped:]
        text = _normal(text)
        whole = len(text) & ~3
        self._pieces, self._waiting = [text[whole:]], len(text) - whole
        self._take(text[:whole], text[:whole])

    def _take(self, text: bytes, padded: bytes) -> None:
        data = binascii.a2b_base64(padded)
        self._hash.update(data)
        self._bytes.write(data)
        self._size += len(text)
        if len(self._head) < _HEAD:
            self._head = (self._head + text)[:_HEAD]
        self._tail = (self._tail + text[-_TAIL:])[-_TAIL:]

    @staticmethod
    def _is_canonical(rest: bytes) -> bool:
        """Tell whether the last two or three characters are just what their bytes would be written as."""
        if len(rest) == 1:
            return False
        padded = rest + b"=" * (4 - len(rest))
        return binascii.b2a_base64(binascii.a2b_base64(padded), newline=False) == padded


def _normal(text: bytes) -> bytes:
    """Return base64 text in the standard alphabet."""
    return text.translate(_STANDARD) if b"-" in text or b"_" in text else text
