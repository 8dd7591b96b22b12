"""Tokens of browser sessions and one-time links, stored as hashes; tokens against forged requests."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

_BYTES = 32  # 256 bits, written as 43 characters


def new_token() -> str:
    """Return a random token that needs no quoting in an address or a cookie."""
    return secrets.token_urlsafe(_BYTES)


def hash_token(token: str) -> bytes:
    """Return the SHA-256 that is stored of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def request_token(session: str) -> str:
    """Return the token that proves that a request was made by a page of the session (CSRF).

    It is derived from the session's own token, which pages of other sites cannot read.
    """
    signed = hmac_digest(session.encode("utf-8", "surrogateescape"), b"request", "sha256")
    return urlsafe_b64encode(signed[:24]).decode("ascii")


def proves_request(session: str, given: str) -> bool:
    """Return whether a request token belongs to a session, in constant time."""
    return compare_digest(request_token(session).encode(), given.encode("utf-8", "surrogateescape"))
