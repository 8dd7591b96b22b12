"""Monitor: readiness and job counts of one process. They need no key, so their cost is bounded."""

import asyncio
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from api.shared_result import SharedResult
from models.clock import Clock
from models.database import Database
from models.errors import DatabaseAway, StorageError
from models.queries.callers import any_caller
from models.queries.database_state import READ_ONLY, READ_ONLY_FIX, is_read_only
from models.queries.operations.installation_state import InstallationState, read_state
from models.queries.operations.stored_bytes import count_bytes
from models.queries.workers import list_workers
from models.settings import Settings
from worker.metrics.labels import MODELS
from worker.metrics.slow_state import read_slow_state
from worker.metrics.state_metrics import SlowState, render_state
from worker.storage.store import Store

_FRESH = 3.0  # seconds
_STATE = 10.0  # seconds between reads of the installation's state at least, however many scrape
_SLOW = 60.0  # the same, of spend
_RARE = 600.0  # the same, of stored bytes
_TIMEOUT = 5.0  # seconds for one check


class Monitor:
    """What ``/readyz`` and ``/metrics`` show: read once every few seconds, however often they are called."""

    def __init__(self, settings: Settings, database: Database, store: Store, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._worker_timeout = timedelta(seconds=settings.worker_timeout)
        MODELS.configure(name for channel in settings.all_channels() for name in channel.models)
        self.state = SharedResult(self._read_state, fresh=_STATE)
        self._slow = SharedResult(self._read_slow, fresh=_SLOW)
        self._stored_bytes = SharedResult(self._count_bytes, fresh=_RARE)
        self.database_error = SharedResult(self._check_database, fresh=_FRESH)  #: or ``None``
        self.storage_error = SharedResult(self._check_storage, fresh=_FRESH)  #: or ``None``
        #: why no live worker gets messages, without which jobs go on; or ``None``
        self.broker_error = SharedResult(self._check_broker, fresh=_FRESH)

    async def state_metrics(self) -> bytes:
        """Return the gauges of the installation's state, in Prometheus' text format."""
        state, slow = await self.state.value(), await self._slow.value()
        return render_state(state, slow, timeout=self._worker_timeout)

    async def _read_state(self) -> InstallationState:
        async with self._database.reading() as connection:
            return await read_state(connection, self._clock())

    async def _read_slow(self) -> SlowState:
        return await read_slow_state(
            self._database, self._store, await self._stored_bytes.value(), self._clock()
        )

    async def _count_bytes(self) -> dict[str, int]:
        async with self._database.reading() as connection:
            return await count_bytes(connection)

    async def _check_database(self) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT), self._database.writing() as connection:
                await any_caller(connection)
                if await is_read_only(connection):
                    return f"it {READ_ONLY}. {READ_ONLY_FIX}"
        except TimeoutError:
            return "it does not answer in time"
        except (DatabaseAway, SQLAlchemyError) as error:
            kind = type(error.__cause__ or error).__name__
            return f"{kind}: look at its log, DARKROOM_DATABASE_URL, and `darkroom migrate`"
        return None

    async def _check_broker(self) -> str | None:
        since = self._clock() - self._worker_timeout
        try:
            async with asyncio.timeout(_TIMEOUT), self._database.reading() as connection:
                errors = [
                    each.broker_error for each in await list_workers(connection) if each.heartbeat_at > since
                ]
        except (TimeoutError, DatabaseAway, SQLAlchemyError):
            return None  # the check of the database says why
        return str(errors[0]) if errors and all(errors) else None

    async def _check_storage(self) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._store.check()
        except TimeoutError:
            return "it does not answer in time"
        except StorageError as error:
            return str(error)
        return None
