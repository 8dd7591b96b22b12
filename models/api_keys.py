"""API keys: generated, hashed for the database, and shortened to a hint."""

import secrets
from hashlib import sha256

_PREFIX = "dk_"
_RANDOM_BYTES = 32  # 256 bits, written as 43 characters


def new_key() -> str:
    """Return a new key: ``dk_`` and 43 random characters that need no quoting anywhere."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_key(key: str) -> bytes:
    """Return the SHA-256 that is stored of a key. No salt and no slow hash: keys are long and random."""
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def hint_of(key: str) -> str:
    """Return a key's first and last characters, by which its owner recognises it."""
    return f"{key[:7]}…{key[-4:]}" if len(key) >= 24 else f"{key[:3]}…"
