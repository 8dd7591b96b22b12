"""The heartbeat of a worker that has no Celery."""

from collections.abc import Callable
from uuid import UUID

from tests.support.darkroom import OneWorker
from worker.maintenance.heartbeat import Heartbeat
from worker.maintenance.process_locks import ProcessLocks, lock_folder


def heartbeat(worker: OneWorker, *, stop: Callable[[], None] | None = None) -> Heartbeat:
    """Return the heartbeat of a worker, for the test to beat; ``stop``: called when it is asked to stop."""
    row = {
        "id": worker.context.worker_id,
        "name": "w",
        "version": "0",
        "slots": 1,
        "started_at": worker.context.services.clock(),
    }

    async def delete_queue(worker_id: UUID) -> None:
        """There is no broker here."""

    locks = ProcessLocks(lock_folder(worker.context.services.settings.sqlalchemy_url))
    return Heartbeat(worker.context, row, delete_queue, locks, stop=stop)
