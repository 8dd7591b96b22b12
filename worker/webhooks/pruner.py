"""Pruner: deletes deliveries that ended before the retention period, so that the log stays bounded."""

from datetime import timedelta

from models.queries.webhooks.deliveries import prune_deliveries
from worker.webhooks.context import WebhookServices

_BATCH = 500  # deliveries in one transaction, so that no other transaction waits long for it
_INTERVAL = timedelta(minutes=10)  # between two rounds, once nothing old is left


class Pruner:
    """Deletes one batch at a time; any number of workers may do so side by side."""

    def __init__(self, services: WebhookServices) -> None:
        self._services = services
        self._retention = timedelta(seconds=services.settings.webhook_retention)
        self._next_at = services.clock()

    async def prune(self) -> None:
        """Delete one batch if it is time; after a full batch, the next call deletes another."""
        now = self._services.clock()
        if now < self._next_at:
            return
        async with self._services.database.writing() as connection:
            count = await prune_deliveries(connection, before=now - self._retention, limit=_BATCH)
        if count < _BATCH:
            self._next_at = now + _INTERVAL
