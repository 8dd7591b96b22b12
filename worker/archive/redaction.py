"""Redaction of raw responses: without long base64, without the API key, and within a size limit."""

from collections.abc import Mapping, Sequence

from worker.upstream.parsing.base64_stream import Base64Extractor, Blobs

INLINE_LIMIT = 1024  #: characters of base64 that stay in the text; a placeholder replaces longer runs
_LEAST_KEY = 8  #: characters; a shorter key could be any word of the text
_HEAD_SHARE = 4  #: of a text that is too long, a quarter of the limit is its beginning, the rest its end
_HIDDEN = "[key]"


def redact(raw: bytes, blobs: Blobs, *, secrets: Sequence[str] = (), limit: int) -> tuple[bytes, bool]:
    """Return the redacted response, and whether its middle was left out for its length.

    The bytes of runs that are replaced are added to ``blobs``, by their SHA-256. A failure is named at the
    beginning and an image URL stands at the end, so the middle is left out; the line in its place is a
    comment to a parser of event streams. ``secrets`` are replaced wherever the provider repeats them.
    """
    runs = Base64Extractor(blobs, inline_limit=INLINE_LIMIT)
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
    """Return the headers with every secret replaced."""
    redacted = dict(headers)
    for secret in _worth_hiding(secrets):
        redacted = {name: value.replace(secret, _HIDDEN) for name, value in redacted.items()}
    return redacted


def _worth_hiding(secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if len(secret) >= _LEAST_KEY]
