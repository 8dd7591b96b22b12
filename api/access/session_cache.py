"""Open sessions of browsers, found by their tokens; each is read together with its key."""

from datetime import datetime, timedelta

from api.auth import Authenticator
from models.clock import Clock
from models.database import Database
from models.queries.dashboard.sessions import Session, find_session

_FRESH = timedelta(seconds=3)  # time for which an ended session may still be accepted
_MOST = 1000  # sessions, unknown ones included


class SessionCache:
    """Finds sessions, each for ``_FRESH`` without a query. The authenticator gets the keys."""

    def __init__(self, database: Database, clock: Clock, authenticator: Authenticator) -> None:
        self._database, self._clock, self._authenticator = database, clock, authenticator
        self._found: dict[bytes, tuple[datetime, Session | None]] = {}

    async def find(self, token_hash: bytes) -> Session | None:
        """Return the session with this hash if it is open now, else ``None``."""
        now = self._clock()
        cached = self._found.get(token_hash)
        if cached is None or cached[0] <= now:
            async with self._database.reading() as connection:
                found = await find_session(connection, token_hash)
            session = None if found is None else found[0]
            if found is not None:
                self._authenticator.remember(found[0].key_hash, found[1], now)
            if len(self._found) >= _MOST:
                self._found.clear()
            cached = self._found[token_hash] = (now + _FRESH, session)
        session = cached[1]
        return session if session and session.ended_at is None and session.expires_at > now else None

    def forget(self) -> None:
        """Clear the cache."""
        self._found.clear()
