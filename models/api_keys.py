"""API keys: generated, hashed for the database, shortened to a hint; the state and role of a stored key."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

FROM_SETTINGS = "from the settings"  #: name of keys that come from the settings, and of their callers
_PREFIX = "dk_"
_RANDOM_BYTES = 32  # 256 bits, written as 43 characters


class Role(StrEnum):
    """What a key may do. All but users see the jobs of all callers, and the channels."""

    USER = "user"  #: everything with its caller's own jobs
    VIEWER = "viewer"  #: changes nothing
    REVIEWER = "reviewer"  #: also judges the pictures of campaigns, and makes further takes
    OPERATOR = "operator"  #: also decides all jobs, campaigns and channels
    ADMIN = "admin"  #: also keys, sessions and settings

    @property
    def sees_all(self) -> bool:
        """Whether it sees the jobs of all callers."""
        return self is not Role.USER

    def reaches(self, least: "Role") -> bool:
        """Return whether it has all rights of another one that sees all."""
        return self.sees_all and _RANKS.index(self) >= _RANKS.index(least)


_RANKS = (Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)


class KeyState(StrEnum):
    """Whether a key is accepted, or why not."""

    READY = "ready"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REMOVED = "removed"  #: it came from the settings, which do not have it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A stored key, with its caller and that caller's limits."""

    id: UUID
    name: str
    key_hint: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    removed_at: datetime | None
    caller_id: UUID
    caller: str  #: the caller's name
    rpm: float | None
    concurrency: int | None
    max_queued: int | None
    weight: float
    budget_micro: int | None = None
    budget_currency: str | None = None
    identity: str | None = None  #: issuer and subject of a person; such a key has no secret

    def state(self, at: datetime) -> KeyState:
        """Return its state at a time; ``models.queries.api_keys.is_usable`` is the same rule in SQL."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.removed_at is not None:
            return KeyState.REMOVED
        if self.expires_at is not None and self.expires_at <= at:
            return KeyState.EXPIRED
        return KeyState.READY


def new_key() -> str:
    """Return a new key: ``dk_`` and 43 random characters that need no quoting anywhere."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_key(key: str) -> bytes:
    """Return the SHA-256 that is stored of a key. No salt and no slow hash: keys are long and random."""
    return sha256(key.encode("utf-8", "surrogateescape")).digest()


def hint_of(key: str) -> str:
    """Return a key's first and last characters, by which its owner recognises it."""
    return f"{key[:7]}…{key[-4:]}" if len(key) >= 24 else f"{key[:3]}…"
