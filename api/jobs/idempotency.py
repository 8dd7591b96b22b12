"""Reading the Idempotency-Key header."""

import re

from starlette.requests import Request

from api.jobs.submit import IdempotencyKey
from api.web.problems import invalid_field

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


def idempotency_key_of(request: Request, body_hash: bytes) -> IdempotencyKey | None:
    """Return the wish of the Idempotency-Key header."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid_field("Idempotency-Key", "must have 1 to 255 printable ASCII characters")
    return IdempotencyKey(key, body_hash)
