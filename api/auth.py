"""Authentication: bearer key to caller, found by the hash of the key and cached for seconds."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from api.access.audit import start_audit
from api.access.roles import check_access
from api.fair_database import present_client
from api.web.caching import KEYED
from api.web.problems import Problem
from models.api_keys import FROM_SETTINGS, ApiKey, KeyState, Role, hash_key, hint_of
from models.clock import Clock, rfc3339
from models.credentials.access_tokens import AccessToken, parse_token
from models.database import Database
from models.errors import NotFound
from models.ids import new_id, public_id
from models.queries.api_keys import (
    find_hash,
    find_key,
    known_hashes,
    mark_removed,
    restore_key,
    save_last_uses,
)
from models.queries.callers import insert_caller
from models.settings import Settings
from worker.process.log_context import bind_log_context

_FRESH = timedelta(seconds=3)  # time for which a revoked key may still be accepted
_CACHE_SIZE = 10_000  # keys, unknown ones included
_JOB_ID = re.compile(r"job_[0-9a-z]{1,26}")
UNKNOWN_KEY = "This key is unknown or was revoked."
UNKNOWN_TOKEN = "This token is unknown, or its key was revoked."
SESSION_CALLER = "darkroom.session_caller"  #: of an ASGI scope: the caller of the session of a browser
TOKEN = "token"  #: query parameter of requests that may come with an access token


@dataclass(frozen=True, slots=True)
class Caller:
    """Owner of jobs, authenticated by one of its keys, with that key's role.

    All roles but users see the jobs of all callers and the channels; ``api.access.roles`` says what each
    changes.
    """

    id: UUID
    name: str
    role: Role
    key_id: UUID | None = None  #: of the key that the request came with
    max_queued: int | None = None  #: limit of queued jobs, up to ``_FRESH`` old
    person: str | None = None  #: name of a person who has logged in by OpenID Connect

    @property
    def scope(self) -> UUID | None:
        """Id of the caller whose jobs it may read and decide; ``None``: all callers'."""
        return None if self.role.sees_all else self.id

    @property
    def by(self) -> str:
        """Who makes a change, as logs name it: the caller, or a person who acts for it."""
        return f"{self.person} ({self.name})" if self.person else self.name


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """Result of the check of a key: its caller, or why there is none."""

    caller: Caller | None
    refusal: str = UNKNOWN_KEY


def configured_keys(settings: Settings) -> dict[bytes, tuple[str, bool]]:
    """Return the keys of the settings by their hash: the hint, and whether it is an admin key."""
    plain = [(key.get_secret_value(), False) for key in settings.api_keys]
    admin = [(key.get_secret_value(), True) for key in settings.admin_keys]
    return {hash_key(key): (hint_of(key), is_admin) for key, is_admin in plain + admin}


async def sync_keys(database: Database, settings: Settings, at: datetime) -> None:
    """Insert a caller for each key of the settings that is new; note which keys they do not have any more."""
    async with database.writing() as connection:
        await add_configured_keys(connection, settings, at)
        await mark_removed(connection, configured_keys(settings), at=at)


async def add_configured_keys(connection: AsyncConnection, settings: Settings, at: datetime) -> None:
    """Insert a caller for each key of the settings that is new."""
    keys = configured_keys(settings)
    known = await known_hashes(connection, keys)
    for key_hash, (hint, admin) in keys.items():
        if key_hash not in known:
            values: dict[str, Any] = {"key_hash": key_hash, "key_hint": hint, "admin": admin, "at": at}
            await insert_caller(connection, new_id(), name=FROM_SETTINGS, **values)


class Authenticator:
    """Finds callers by their keys.

    A key from the settings is valid only while the settings have it, one of a person only while they name
    the issuer that the person came from.
    """

    def __init__(
        self,
        database: Database,
        configured: Mapping[bytes, tuple[str, bool]],
        clock: Clock,
        *,
        issuer: str | None = None,
    ) -> None:
        self._database, self._configured, self._clock = database, configured, clock
        self._issuer = issuer
        self._cache: dict[bytes, tuple[datetime, ApiKey | None]] = {}
        self._hashes: dict[UUID, bytes] = {}
        self._uses: dict[UUID, datetime] = {}
        self._reads: dict[bytes, asyncio.Task[ApiKey | None]] = {}  #: that are going on

    async def check(self, key: str) -> KeyCheck:
        """Return the caller of a key, or why it is refused. A key's row is cached for ``_FRESH``."""
        return await self._check_hash(hash_key(key))

    async def issue_token(self, key_id: UUID, expires_at: datetime) -> str:
        """Return a read-only access token of a key. Raises ``NotFound`` if there is no such key."""
        key_hash = await self._hash_of(key_id)
        if key_hash is None:
            raise NotFound("There is no such key any more.")
        return AccessToken(key_id, expires_at).sign(key_hash)

    async def check_token(self, text: str) -> KeyCheck:
        """Return the caller of an access token, or why it is refused; it is valid only while its key is."""
        token = parse_token(text)
        key_hash = None if token is None else await self._hash_of(token.key_id)
        if token is None or key_hash is None or not token.is_signed(text, key_hash):
            return KeyCheck(None, UNKNOWN_TOKEN)
        if token.expires_at <= self._clock():
            return KeyCheck(None, f"This token has expired, at {rfc3339(token.expires_at)}.")
        return await self._check_hash(key_hash)

    async def check_hash(self, key_hash: bytes) -> KeyCheck:
        """Return the caller of the key with this hash, as ``check`` does."""
        return await self._check_hash(key_hash)

    async def _hash_of(self, key_id: UUID) -> bytes | None:
        """Return the hash of a key, which never changes."""
        if key_id not in self._hashes:
            async with self._database.reading() as connection:
                found = await find_hash(connection, key_id)
            if found is None:
                return None
            if len(self._hashes) >= _CACHE_SIZE:
                self._hashes.clear()
            self._hashes[key_id] = found
        return self._hashes[key_id]

    async def _check_hash(self, key_hash: bytes) -> KeyCheck:
        present_client.set(key_hash)
        at = self._clock()
        cached = self._cache.get(key_hash)
        if cached is not None and at < cached[0]:
            found = cached[1]
        else:
            found = await asyncio.shield(self._reading(key_hash, at))
        return self._result(key_hash, found, at)

    def _reading(self, key_hash: bytes, at: datetime) -> asyncio.Task[ApiKey | None]:
        """Return the task that reads a key into the cache: one, however many requests wait for it."""
        task = self._reads.get(key_hash)
        if task is None:
            task = asyncio.create_task(self._read_into_cache(key_hash, at), name="read a key")
            self._reads[key_hash] = task
            task.add_done_callback(lambda _: self._reads.pop(key_hash))
        return task

    def remember(self, key_hash: bytes, key: ApiKey, at: datetime) -> None:
        """Put a key that was read at a time into the cache, unless it is to be restored."""
        if key.removed_at is None:
            self._put(key_hash, key, at)

    async def _read_into_cache(self, key_hash: bytes, at: datetime) -> ApiKey | None:
        found = await self._read_key(key_hash)
        self._put(key_hash, found, at)
        return found

    def _put(self, key_hash: bytes, key: ApiKey | None, at: datetime) -> None:
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[key_hash] = (at + _FRESH, key)

    def forget(self) -> None:
        """Clear the cache."""
        self._cache.clear()

    async def save_uses(self) -> None:
        """Write when keys were last used, since the last time that this was written."""
        uses, self._uses = self._uses, {}
        if uses:
            async with self._database.writing() as connection:
                await save_last_uses(connection, uses)

    def _result(self, key_hash: bytes, key: ApiKey | None, at: datetime) -> KeyCheck:
        if key is None:
            return KeyCheck(None)
        role = key.role
        if key.name == FROM_SETTINGS:
            if key_hash not in self._configured:
                return KeyCheck(None)
            role = Role.ADMIN if self._configured[key_hash][1] else Role.USER
        if key.identity and not key.identity.startswith(f"{self._issuer} "):
            return KeyCheck(None)
        match key.state(at):
            case KeyState.READY:
                self._uses[key.id] = at
                person = key.name if key.identity else None
                caller = Caller(key.caller_id, key.caller, role, key.id, key.max_queued, person)
                return KeyCheck(caller)
            case KeyState.EXPIRED if key.expires_at is not None:
                return KeyCheck(None, f"This key has expired, at {rfc3339(key.expires_at)}.")
            case _:
                return KeyCheck(None)

    async def _read_key(self, key_hash: bytes) -> ApiKey | None:
        async with self._database.reading() as connection:
            key = await find_key(connection, key_hash)
        if key is None or key.removed_at is None or key_hash not in self._configured:
            return key
        # another API process started with settings that lack the key
        async with self._database.writing() as connection:
            await restore_key(connection, key.id)
            return await find_key(connection, key_hash)


def needs_key(request: Request) -> None:
    """Mark a request whose response depends on its key: no shared cache may keep it (``api.web.caching``)."""
    request.scope[KEYED] = True


async def authenticate(request: Request, authenticator: Authenticator) -> Caller:
    """Return the caller of a request. Raises the 401 problem, and the 403 problem if its role is too low.

    A request of a page of the dashboard comes with its caller (``api.dashboard.gateway``).
    """
    needs_key(request)
    caller = request.scope.get(SESSION_CALLER) or await _caller_of_key(request, authenticator)
    bind_caller(request, caller)
    check_access(request, caller.role)
    start_audit(request, caller_id=caller.id, key_id=caller.key_id, by=caller.by, role=caller.role)
    return caller


def bind_caller(request: Request, caller: Caller) -> None:
    """Put the caller, and the job that the path names, into each line of the log about this request."""
    job = request.path_params.get("job_id", "")
    bind_log_context(caller=public_id("caller", caller.id), job=job if _JOB_ID.fullmatch(job) else None)


async def _caller_of_key(request: Request, authenticator: Authenticator) -> Caller:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("Send your key as `Authorization: Bearer KEY`.", "Bearer")
    checked = await authenticator.check(key.strip())
    if checked.caller is None:
        raise _unauthorized(checked.refusal, 'Bearer error="invalid_token"')
    return checked.caller


async def authenticate_reader(request: Request, authenticator: Authenticator) -> Caller:
    """Return the caller of a request that only reads: by its key, or by an access token in its address.

    Raises the 401 problem.
    """
    token = request.query_params.get(TOKEN)
    if token is None or "authorization" in request.headers or SESSION_CALLER in request.scope:
        return await authenticate(request, authenticator)
    needs_key(request)
    checked = await authenticator.check_token(token)
    if checked.caller is None:
        raise _unauthorized(checked.refusal, 'Bearer error="invalid_token"')
    bind_caller(request, checked.caller)
    return checked.caller


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
