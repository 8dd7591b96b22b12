"""Pictures as base64 text: recognised by their first bytes, trusted by their last."""

import binascii
from collections.abc import Callable

from worker.upstream.parsing.base64_stream import find_placeholders

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SHORTEST = 32  #: characters; no picture is smaller
_HEAD = 32  #: characters that hold every signature
_TAIL = 96  #: characters that hold every end marker, and some padding after it
_STOPS = "\"')<>]}\\`,;:|*"  #: signs that can't be in base64 text, the likely ones first


def sniff(head: bytes) -> str | None:
    """Return the MIME type of a picture whose first bytes these are."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return {
            b"avif": "image/avif",
            b"avis": "image/avif",
            b"heic": "image/heic",
            b"mif1": "image/heif",
        }.get(head[8:12])
    return None


def parse_base64_image(text: str) -> tuple[str, str] | None:
    """Return ``(normalised base64, MIME type)`` if ``text`` is a whole picture, else ``None``.

    White space, the URL-safe alphabet and missing padding are accepted; the signature and the end marker
    have to be there.
    """
    normal = _normalise(text)
    if len(normal) < _SHORTEST or not normal.isascii():
        return None
    mime = sniff(_decode(normal[:_HEAD]))
    if mime is None:
        return None
    body = normal.rstrip("=")
    length = _length(body)
    if length % 4 == 1 or body.encode("ascii").translate(None, _ALPHABET):
        return None
    padded = body + "=" * (-length % 4)
    return (padded, mime) if _is_whole(padded, length * 3 // 4, mime) else None


def starts_like_image(text: str, start: int = 0) -> bool:
    """Tell cheaply whether base64 text of a picture begins at ``start``."""
    return sniff(_decode(_normalise(text[start : start + _HEAD * 2])[:_HEAD])) is not None


def find_base64_end(text: str, start: int, *, spaces: bool = False) -> int:
    """Return where the run of base64 characters that begins at ``start`` stops.

    Looks in growing windows with plain character searches, so that megabytes cost a millisecond and a text
    full of beginnings is still read in linear time. ``spaces`` lets white space belong to the run.
    """
    stops = _STOPS if spaces else " \n\r\t" + _STOPS
    window, size = start, 256
    while window < len(text):
        limit = nearest = min(len(text), window + size)
        for stop in stops:
            found = text.find(stop, window, nearest)
            if found >= 0:
                nearest = found
        if nearest < limit:
            return nearest
        window, size = limit, size * 2
    return len(text)


def _length(body: str) -> int:
    """Return how many characters a text has once its stand-ins are what they stand for."""
    return len(body) + sum(found.characters - (found.end - found.start) for found in find_placeholders(body))


def _normalise(text: str) -> str:
    if any(space in text for space in " \n\r\t"):
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    return text


def _decode(text: str) -> bytes:
    """Decode a piece whose length may not be a multiple of four; nothing if it is not base64."""
    piece = text.rstrip("=")
    piece = piece[: len(piece) - 1] if len(piece) % 4 == 1 else piece
    try:
        return binascii.a2b_base64(piece + "=" * (-len(piece) % 4))
    except ValueError:
        return b""


def _is_whole(padded: str, size: int, mime: str) -> bool:
    check = _ENDS.get(mime)
    return check is None or check(_decode(padded[:_HEAD]), _decode(padded[-_TAIL:]), size)


_ENDS: dict[str, Callable[[bytes, bytes, int], bool]] = {
    "image/png": lambda _, tail, __: b"IEND" in tail,
    "image/jpeg": lambda _, tail, __: b"\xff\xd9" in tail,
    "image/gif": lambda _, tail, __: b"\x3b" in tail[-8:],
    "image/webp": lambda head, _, size: int.from_bytes(head[4:8], "little") + 8 <= size + 1,
}
