"""Access tokens: short-lived and read-only, for web pages; signed with the hash of the key that made them.

A token names its key, so it is valid only as long as the key is. The key's hash never leaves the server and
is as random as the key, so no secret of the server's own is needed, and every process can verify a token.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

PREFIX = "dkt_"
_CONTEXT = b"darkroom access token: read\0"  # what else the hash may sign never looks like this
_SIGNED, _SIGNATURE = 24, 32  # bytes: key id and time; HMAC-SHA256


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Permission to read what a key may read, until ``expires_at`` (whole seconds)."""

    key_id: UUID
    expires_at: datetime

    def sign(self, key_hash: bytes) -> str:
        """Return the token as text."""
        signed = self._signed()
        return PREFIX + urlsafe_b64encode(signed + _signature(signed, key_hash)).decode().rstrip("=")

    def is_signed(self, text: str, key_hash: bytes) -> bool:
        """Return whether a text, from which it was parsed, has the signature of its key."""
        return hmac.compare_digest(text.encode(), self.sign(key_hash).encode())

    def _signed(self) -> bytes:
        return self.key_id.bytes + int(self.expires_at.timestamp()).to_bytes(8, "big")


def parse_token(text: str) -> AccessToken | None:
    """Return what a text says, not verified yet; ``None`` if it is no token."""
    digits = text.removeprefix(PREFIX)
    if digits == text or not digits.isascii():
        return None
    try:
        raw = urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
        if len(raw) != _SIGNED + _SIGNATURE:
            return None
        seconds = int.from_bytes(raw[16:_SIGNED], "big")
        return AccessToken(UUID(bytes=raw[:16]), datetime.fromtimestamp(seconds, UTC))
    except (Error, ValueError, OverflowError, OSError):
        return None


def _signature(signed: bytes, key_hash: bytes) -> bytes:
    return hmac.digest(key_hash, _CONTEXT + signed, sha256)
