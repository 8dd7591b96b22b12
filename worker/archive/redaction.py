"""Redaction of raw responses: without long base64, and within a size limit.

The provider client has removed the API key already (``worker/upstream/transport/secret_filter.py``).
"""

from worker.upstream.parsing.base64_stream import Base64Extractor, Blobs

INLINE_LIMIT = 1024  #: characters of base64 that stay in the text; a placeholder replaces longer runs
_HEAD_SHARE = 4  #: of a text that is too long, a quarter of the limit is its beginning, the rest its end


def redact(raw: bytes, blobs: Blobs, *, limit: int) -> tuple[bytes, bool]:
    """Return the redacted response, and whether its middle was left out for its length.

    The bytes of runs that are replaced are added to ``blobs``, by their SHA-256. A failure is named at the
    beginning and an image URL stands at the end, so the middle is left out; the line in its place is a
    comment to a parser of event streams.
    """
    runs = Base64Extractor(blobs, inline_limit=INLINE_LIMIT)
    text = runs.feed(raw) + runs.close()
    if len(text) <= limit:
        return text, False
    head = limit // _HEAD_SHARE
    tail = limit - head
    note = f"\n\n: {len(text) - limit} bytes are left out here\n\n".encode()
    return text[:head] + note + text[len(text) - tail :], True
