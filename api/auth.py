"""Authentication: bearer key to caller, found by the hash of the key and cached for seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from starlette.requests import Request

from api.web.problems import Problem
from models.api_keys import hash_key, hint_of
from models.clock import Clock
from models.database import Database
from models.ids import new_id
from models.queries.callers import find_caller, insert_caller
from models.settings import Settings

FROM_SETTINGS = "from the settings"  #: name of callers whose keys come from DARKROOM_API_KEYS
_FRESH = timedelta(seconds=3)  # time for which a revoked key may still be accepted
_CACHE_SIZE = 10_000  # keys, unknown ones included


@dataclass(frozen=True, slots=True)
class Caller:
    """Owner of an API key. ``admin`` may also see and change the channels."""

    id: UUID
    name: str
    admin: bool
    max_queued: int | None = None  #: limit of queued jobs, up to ``_FRESH`` old


def configured_keys(settings: Settings) -> dict[bytes, tuple[str, bool]]:
    """Return the keys of the settings by their hash: the hint, and whether it is an admin key."""
    plain = [(key.get_secret_value(), False) for key in settings.api_keys]
    admin = [(key.get_secret_value(), True) for key in settings.admin_keys]
    return {hash_key(key): (hint_of(key), is_admin) for key, is_admin in plain + admin}


async def sync_keys(database: Database, settings: Settings, at: datetime) -> None:
    """Insert a caller for each key of the settings that has none."""
    keys = configured_keys(settings)
    if not keys:
        return
    async with database.writing() as connection:
        for key_hash, (hint, admin) in keys.items():
            await insert_caller(
                connection, new_id(), name=FROM_SETTINGS, key_hash=key_hash, key_hint=hint, admin=admin, at=at
            )


class Authenticator:
    """Finds callers by their keys. A key from the settings is valid only while the settings have it."""

    def __init__(
        self, database: Database, configured: Mapping[bytes, tuple[str, bool]], clock: Clock
    ) -> None:
        self._database, self._configured, self._clock = database, configured, clock
        self._cache: dict[bytes, tuple[datetime, Caller | None]] = {}

    async def find(self, key: str) -> Caller | None:
        """Return the caller of a key, or ``None``; cached for ``_FRESH``."""
        key_hash, at = hash_key(key), self._clock()
        cached = self._cache.get(key_hash)
        if cached is not None and at < cached[0]:
            return cached[1]
        caller = await self._read_caller(key_hash)
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[key_hash] = (at + _FRESH, caller)
        return caller

    def forget(self) -> None:
        """Clear the cache."""
        self._cache.clear()

    async def _read_caller(self, key_hash: bytes) -> Caller | None:
        async with self._database.reading() as connection:
            row = await find_caller(connection, key_hash)
        if row is None or row.revoked_at is not None:
            return None
        if row.name != FROM_SETTINGS:
            return Caller(row.id, row.name, row.admin, row.max_queued)
        configured = self._configured.get(key_hash)
        return None if configured is None else Caller(row.id, row.name, configured[1], row.max_queued)


async def authenticate(request: Request, authenticator: Authenticator) -> Caller:
    """Return the caller of a request. Raises the 401 problem."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("Send your key as `Authorization: Bearer KEY`.", "Bearer")
    caller = await authenticator.find(key.strip())
    if caller is None:
        raise _unauthorized("This key is unknown or was revoked.", 'Bearer error="invalid_token"')
    return caller


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
