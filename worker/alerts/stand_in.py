"""Stand-in: evaluates alert rules and sends webhooks while no worker lives, which else would do both.

Without it, nobody would be told of jobs that wait for a worker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Protocol

from models.errors import DatabaseAway
from models.queries.workers import count_alive
from worker.alerts.watch import AlertWatch, WatchServices
from worker.cancellation import cancel_and_wait
from worker.database_retry import run_forever
from worker.webhooks.context import WebhookServices, open_context
from worker.webhooks.delivery import start_delivery
from worker.webhooks.dispatcher import DeliveryDispatcher

_LEAVE = 5.0  # seconds
PAUSE = 20.0  #: seconds between two looks whether a worker lives


class StandInServices(WatchServices, WebhookServices, Protocol):
    """What it needs of the services of an API process."""


class StandIn:
    """Does a worker's duties in an API process. Claims of deliveries keep it and others apart."""

    def __init__(self, services: StandInServices, *, pause: float = PAUSE) -> None:
        self._services, self._seconds, self._due = services, pause, asyncio.Event()
        self._watch = AlertWatch(services, None, self._due)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run while the context is open; then end what it sends, and release what it has claimed."""
        webhooks, halt = open_context(self._services, self._due), asyncio.Event()
        self._deliveries = DeliveryDispatcher(webhooks, partial(start_delivery, webhooks), halt)
        task = asyncio.create_task(self._run(), name="stand-in")
        try:
            yield
        finally:
            halt.set()
            await cancel_and_wait(task, *webhooks.in_flight.tasks)
            await self._leave()
            await webhooks.close()

    async def run_round(self) -> None:
        """Evaluate the rules and send what is due, unless a worker lives."""
        services = self._services
        timeout = timedelta(seconds=services.settings.worker_timeout)
        async with services.database.reading() as connection:
            if await count_alive(connection, services.clock() - timeout):
                return
        await self._watch.evaluate()
        await self._deliveries.run_round()

    async def _run(self) -> None:
        await self._pause()  # a worker that starts with this process takes over first
        await run_forever(self.run_round, self._pause, name="stand-in")

    async def _pause(self) -> None:
        await asyncio.sleep(self._seconds)

    async def _leave(self) -> None:
        with suppress(DatabaseAway, TimeoutError):  # others send it when its claims end
            async with asyncio.timeout(_LEAVE):
                await self._deliveries.leave()
