"""The heartbeat of a worker that has no Celery."""

from uuid import UUID

from tests.support.darkroom import OneWorker
from worker.maintenance.heartbeat import Heartbeat


def heartbeat(worker: OneWorker) -> Heartbeat:
    """Return a heartbeat that the test beats."""
    row = {
        "id": worker.bench.worker_id,
        "name": "w",
        "version": "0",
        "slots": 1,
        "started_at": worker.bench.services.clock(),
    }

    async def forget_lane(worker_id: UUID) -> None:
        """There is no broker here."""

    return Heartbeat(worker.bench, row, forget_lane)
