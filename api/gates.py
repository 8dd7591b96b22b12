"""The gate's state for readers: read at most a few times a second, however many poll."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.scheduling.snapshot import read_gate
from models.queue_status import Gate

_FRESH = timedelta(milliseconds=250)


class GateKeeper:
    """Remembers the gate's state for a moment. ``worker_timeout``: seconds after which a worker is lost."""

    def __init__(self, worker_timeout: float) -> None:
        self._patience = timedelta(seconds=worker_timeout)
        self._gate: Gate | None = None
        self._read_at: datetime | None = None

    def remembered(self, at: datetime) -> Gate | None:
        """Return the state as of a moment ago, if it is known."""
        fresh = self._read_at is not None and timedelta() <= at - self._read_at < _FRESH
        return self._gate if fresh else None

    def forget(self) -> None:
        """Read anew: something was changed."""
        self._gate = None

    async def look(self, connection: AsyncConnection, at: datetime) -> Gate:
        """Return the state as of now, or of a moment ago."""
        gate = self.remembered(at)
        if gate is None:
            gate = await read_gate(connection, alive_since=at - self._patience)
            self._gate, self._read_at = gate, at
        return gate
