"""Reads the part of an installation's state that costs more: spend of periods, bytes of files."""

from datetime import datetime, timedelta

from models.database import Database
from models.queries.operations.installation_state import count_unpriced, spent_since
from models.queries.operations.notices import count_notices
from worker.metrics.state_metrics import SlowState
from worker.storage.store import Store

PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "30d": timedelta(days=30)}
_DAY = timedelta(days=1)


async def read_slow_state(
    database: Database, store: Store, stored_bytes: dict[str, int], at: datetime
) -> SlowState:
    """Read it; ``stored_bytes`` are known already."""
    async with database.reading() as connection:
        return SlowState(
            spent={name: await spent_since(connection, at - period) for name, period in PERIODS.items()},
            unpriced=await count_unpriced(connection, at - _DAY),
            stored_bytes=stored_bytes,
            storage_free=store.free_bytes(),
            notices=await count_notices(connection),
        )
