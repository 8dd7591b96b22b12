"""Who asks: a bearer key, looked up by its hash."""

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

FROM_SETTINGS = "from the settings"  #: the name of callers whose keys come from DARKROOM_API_KEYS
_FRESH = timedelta(seconds=3)  # how long a revoked key may go on working
_REMEMBERED = 10_000  # keys, wrong ones included


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``admin`` may also look at the channels."""

    id: UUID
    name: str
    admin: bool
    max_queued: int | None = None  #: jobs that may wait, as of some seconds ago


def configured_keys(settings: Settings) -> dict[bytes, tuple[str, bool]]:
    """Return the settings' keys: hint and whether it is an admin's, by hash."""
    plain = [(key.get_secret_value(), False) for key in settings.api_keys]
    admin = [(key.get_secret_value(), True) for key in settings.admin_keys]
    return {hash_key(key): (hint_of(key), is_admin) for key, is_admin in plain + admin}


async def sync_keys(database: Database, settings: Settings, at: datetime) -> None:
    """Give each of the settings' keys its caller."""
    keys = configured_keys(settings)
    if not keys:
        return
    async with database.writing() as connection:
        for key_hash, (hint, admin) in keys.items():
            await insert_caller(
                connection, new_id(), name=FROM_SETTINGS, key_hash=key_hash, key_hint=hint, admin=admin, at=at
            )


class Authenticator:
    """Finds callers by their keys. A key of the settings counts only while the settings name it."""

    def __init__(
        self, database: Database, configured: Mapping[bytes, tuple[str, bool]], clock: Clock
    ) -> None:
        self._database, self._configured, self._clock = database, configured, clock
        self._known: dict[bytes, tuple[datetime, Caller | None]] = {}

    async def find(self, key: str) -> Caller | None:
        """Return the caller of a key, or ``None``; for some seconds from memory."""
        key_hash, at = hash_key(key), self._clock()
        known = self._known.get(key_hash)
        if known is not None and at < known[0]:
            return known[1]
        caller = await self._look_up(key_hash)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key_hash] = (at + _FRESH, caller)
        return caller

    def forget(self) -> None:
        """Look everybody up again."""
        self._known.clear()

    async def _look_up(self, key_hash: bytes) -> Caller | None:
        async with self._database.reading() as connection:
            row = await find_caller(connection, key_hash)
        if row is None or row.revoked_at is not None:
            return None
        if row.name != FROM_SETTINGS:
            return Caller(row.id, row.name, row.admin, row.max_queued)
        configured = self._configured.get(key_hash)
        return None if configured is None else Caller(row.id, row.name, configured[1], row.max_queued)


async def authenticate(request: Request, authenticator: Authenticator) -> Caller:
    """Return who asks. Raises the 401 problem."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("Send your key as `Authorization: Bearer KEY`.", "Bearer")
    caller = await authenticator.find(key.strip())
    if caller is None:
        raise _unauthorized("This key is unknown or was revoked.", 'Bearer error="invalid_token"')
    return caller


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
