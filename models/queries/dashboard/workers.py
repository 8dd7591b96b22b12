"""Workers with their state and the jobs that they have in hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import rfc3339
from models.ids import public_id
from models.queries.dashboard.figures import jobs_by_worker
from models.queries.workers import list_workers


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker: ``alive``, ``silent`` (its heartbeat is overdue) or ``stopping``; ``busy``: jobs in hand."""

    id: UUID
    name: str
    version: str
    state: str
    busy: int
    slots: int
    channels: Mapping[str, Any]
    started_at: datetime
    heartbeat_at: datetime
    takes_stop: bool  #: whether it can be asked to stop

    def to_json(self) -> dict[str, Any]:
        """Return it as the API sends it."""
        return {
            "id": public_id("worker", self.id),
            "object": "worker",
            "name": self.name,
            "version": self.version,
            "state": self.state,
            "busy": self.busy,
            "slots": self.slots,
            "channels": sorted(self.channels),
            "started_at": rfc3339(self.started_at),
            "heartbeat_at": rfc3339(self.heartbeat_at),
            "takes_stop": self.takes_stop,
        }


async def read_workers(connection: AsyncConnection, at: datetime, timeout: timedelta) -> list[WorkerView]:
    """Return the workers; ``timeout``: after which a heartbeat is overdue."""
    busy = await jobs_by_worker(connection)
    return [
        WorkerView(
            id=row.id,
            name=row.name,
            version=row.version,
            state=_state(row, at - timeout),
            busy=busy.get(row.id, 0),
            slots=row.slots,
            channels=row.channels or {},
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            takes_stop=bool(row.takes_stop),
        )
        for row in await list_workers(connection)
    ]


def _state(row: Any, alive_since: datetime) -> str:
    if row.heartbeat_at <= alive_since:
        return "silent"
    return "stopping" if row.stopping_at or row.stop_requested_at else "alive"
