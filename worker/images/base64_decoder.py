"""Tolerant base64 decoder for images inside a response or a request."""

import binascii

from worker.images.formats.errors import not_image, truncated
from worker.images.limits import MIB, Limits, too_large

_STANDARD = bytes.maketrans(b"-_", b"+/")
_SPACE = b" \t\r\n\f\v"


def decode_base64(text: str | bytes, *, limits: Limits = Limits()) -> bytes:  # noqa: B008 - frozen
    """Decode base64, with or without padding, white space, a ``data:`` prefix, or the URL-safe alphabet.

    Decodes a megabyte at a time, so that other threads can run. Raises ``ImageError``.
    """
    raw = _ascii(text)
    start = raw.find(b",", 0, 200) + 1 if raw[:5] == b"data:" else 0
    if (len(raw) - start) * 3 // 4 > 2 * limits.size:
        raise too_large(limits)
    parts, rest = [], b""
    for at in range(start, len(raw), MIB):
        clean = rest + raw[at : at + MIB].translate(_STANDARD, _SPACE)
        whole = (
            len(clean) - len(clean) % 4 - 4
        )  # the last group is decoded at the end: only it may have padding
        parts.append(_group(clean[: max(whole, 0)]))
        rest = clean[max(whole, 0) :]
    parts.append(_last(rest))
    data = b"".join(parts)
    if len(data) > limits.size:
        raise too_large(limits)
    return data


def _ascii(text: str | bytes) -> bytes:
    try:
        return text.encode("ascii") if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise not_image("its base64 has characters that do not belong there") from error


def _group(clean: bytes) -> bytes:
    try:
        return binascii.a2b_base64(clean, strict_mode=True)
    except binascii.Error as error:
        raise not_image("its base64 is malformed") from error


def _last(rest: bytes) -> bytes:
    bare = rest.rstrip(b"=")
    if len(bare) % 4 == 1:
        raise truncated("its base64 is cut off")
    return _group(bare + b"=" * (-len(bare) % 4))
