"""Forgetting messages that have ended long ago: the log must not grow for ever."""

from datetime import timedelta

from models.queries.webhooks.deliveries import prune_deliveries
from worker.services import WorkerServices

_BATCH = 500  # messages in one transaction, so that nobody waits for it
_REST = timedelta(minutes=10)  # between looks, once nothing old is left


class Pruner:
    """Forgets a batch at a time; any number of workers may do so side by side."""

    def __init__(self, services: WorkerServices) -> None:
        self._tools = services
        self._age = timedelta(seconds=services.settings.webhook_retention)
        self._next = services.clock()

    async def prune(self) -> None:
        """Forget one batch if it is time; while there may be more, the next round goes on."""
        now = self._tools.clock()
        if now < self._next:
            return
        async with self._tools.database.writing() as connection:
            count = await prune_deliveries(connection, before=now - self._age, limit=_BATCH)
        if count < _BATCH:
            self._next = now + _REST
