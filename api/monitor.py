"""Monitor: readiness and job counts of one process. They need no key, so their cost is bounded."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from api.shared_result import SharedResult
from models.database import Database
from models.errors import DatabaseAway, StorageError
from models.queries.callers import any_caller
from models.queries.database_state import READ_ONLY, READ_ONLY_FIX, is_read_only
from models.queries.jobs import count_open
from worker.storage.store import Store

_FRESH = 3.0  # seconds
_TIMEOUT = 5.0  # seconds for one check


class Monitor:
    """What ``/readyz`` and ``/metrics`` show: read once every few seconds, however often they are called."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database, self._store = database, store
        self.open_jobs = SharedResult(self._count_open, fresh=_FRESH)  #: open jobs by status
        self.database_error = SharedResult(self._check_database, fresh=_FRESH)  #: or ``None``
        self.storage_error = SharedResult(self._check_storage, fresh=_FRESH)  #: or ``None``

    async def _count_open(self) -> dict[str, int]:
        async with self._database.reading() as connection:
            return await count_open(connection)

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

    async def _check_storage(self) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._store.check()
        except TimeoutError:
            return "it does not answer in time"
        except StorageError as error:
            return str(error)
        return None
