"""What is kept of an answer's text: without long base64, without the key, and not longer than a limit."""

from collections.abc import Mapping, Sequence

from worker.upstream.parsing.base64_stream import Base64Extractor, Blobs

KEPT_RUN = 1024  #: characters of base64 that stay as they are; a stand-in takes the place of longer runs
_LEAST_KEY = 8  #: characters; a shorter key could be any word of the text
_HEAD_SHARE = 4  #: a quarter of a text that is too long is kept from its beginning, the rest from its end
_HIDDEN = "[key]"


def redact(raw: bytes, blobs: Blobs, *, secrets: Sequence[str] = (), limit: int) -> tuple[bytes, bool]:
    """Return what is kept of an answer, and whether some of it was left out for its length.

    The bytes of runs that are cut are added to ``blobs``, by their SHA-256. What is left out is the middle:
    a failure says what it is at the beginning, a picture's address stands at the end. In its place is a line
    that an event stream takes for a comment. ``secrets`` are not kept, wherever the provider repeats them.
    """
    runs = Base64Extractor(blobs, inline_limit=KEPT_RUN)
    text = runs.feed(raw) + runs.close()
    for secret in _worth_hiding(secrets):
        text = text.replace(secret.encode(), _HIDDEN.encode())
    if len(text) <= limit:
        return text, False
    head = limit // _HEAD_SHARE
    tail = limit - head
    note = f"\n\n: {len(text) - limit} bytes are left out here\n\n".encode()
    return text[:head] + note + text[len(text) - tail :], True


def without_secrets(headers: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """Return headers in which the provider repeats no secret."""
    kept = dict(headers)
    for secret in _worth_hiding(secrets):
        kept = {name: value.replace(secret, _HIDDEN) for name, value in kept.items()}
    return kept


def _worth_hiding(secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if len(secret) >= _LEAST_KEY]
