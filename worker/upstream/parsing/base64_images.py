"""Base64 images: recognised by their signature, complete if their end marker is there."""

import binascii
from collections.abc import Callable

from worker.upstream.parsing.base64_stream import find_placeholders

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MIN_LENGTH = 32  #: characters
_HEAD = 32  #: characters that contain every signature
_TAIL = 96  #: characters that contain every end marker, and some padding after it
_STOP_SIGNS = "\"')<>]}\\`,;:|*"  #: signs that end base64 text, the most frequent first


def sniff(head: bytes) -> str | None:
    """Return the MIME type of an image by its first bytes."""
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
    """Return ``(normalised base64, MIME type)`` if ``text`` is a complete image, else ``None``.

    White space, the URL-safe alphabet and missing padding are accepted; signature and end marker are
    required.
    """
    normal = _normalise(text)
    if len(normal) < _MIN_LENGTH or not normal.isascii():
        return None
    mime = sniff(_decode(normal[:_HEAD]))
    if mime is None:
        return None
    body = normal.rstrip("=")
    length = _length_without_placeholders(body)
    if length % 4 == 1 or body.encode("ascii").translate(None, _ALPHABET):
        return None
    padded = body + "=" * (-length % 4)
    return (padded, mime) if _is_whole(padded, length * 3 // 4, mime) else None


def starts_like_image(text: str, start: int = 0) -> bool:
    """Return whether base64 of an image begins at ``start``; a cheap check of its signature."""
    return sniff(_decode(_normalise(text[start : start + _HEAD * 2])[:_HEAD])) is not None


def find_base64_end(text: str, start: int, *, spaces: bool = False) -> int:
    """Return where the run of base64 characters that begins at ``start`` ends.

    Searches for single characters in growing windows, so that megabytes cost a millisecond and a text full
    of run starts takes linear time. With ``spaces``, white space belongs to the run.
    """
    stops = _STOP_SIGNS if spaces else " \n\r\t" + _STOP_SIGNS
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


def _length_without_placeholders(body: str) -> int:
    """Return the length of a text with its placeholders replaced by the runs they stand for."""
    return len(body) + sum(found.characters - (found.end - found.start) for found in find_placeholders(body))


def _normalise(text: str) -> str:
    if any(space in text for space in " \n\r\t"):
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    return text


def _decode(text: str) -> bytes:
    """Decode text of any length, without its last odd character; empty if it is not base64."""
    digits = text.rstrip("=")
    digits = digits[: len(digits) - 1] if len(digits) % 4 == 1 else digits
    try:
        return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
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
