"""Delivery dispatcher: claims due deliveries for this worker and starts sending them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.ids import new_id
from models.queries.webhooks.deliveries import claim, due_deliveries, release
from worker.database_retry import run_forever, wait_for_wake_up
from worker.webhooks.context import MAX_PER_HOST, ClaimedDelivery, WebhookContext
from worker.webhooks.pruner import Pruner

CHUNK = 32  #: deliveries that one task prepares with one query, and sends
_PAUSE = 0.02  # seconds between rounds at least
_CLAIM_MARGIN = timedelta(seconds=15)  # of a claim, beyond the timeout of one request; then others send it
StartDelivery = Callable[[Sequence[UUID], UUID], None]  #: start sending a chunk, claimed with this token


class DeliveryDispatcher:
    """Claims due deliveries on a timer, after a wake-up, and when a delivery has ended."""

    def __init__(self, context: WebhookContext, start: StartDelivery, halt: asyncio.Event) -> None:
        self._services, self._in_flight = context.services, context.in_flight
        self._start, self._halt = start, halt
        self._claim_period = timedelta(seconds=self._services.settings.webhook_timeout) + _CLAIM_MARGIN
        self._pruner = Pruner(context.services)

    async def run(self) -> None:
        """Claim and prune, round after round, until cancelled."""
        await run_forever(self._step, self._pause, name="delivery dispatcher")

    async def _step(self) -> None:
        await self.run_round()
        await self._pruner.prune()

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)
        await wait_for_wake_up(self._in_flight.wake_up, self._services.settings.dispatch_interval)

    async def run_round(self) -> None:
        """Claim every due delivery that fits, and start sending it."""
        while not self._halt.is_set() and self._in_flight.free and await self._any_due():
            token = new_id()
            claimed = await self._claim(token)
            if not claimed or self._halt.is_set():  # what a stopping worker has claimed, ``leave`` releases
                return
            for start in range(0, len(claimed), CHUNK):
                self._start(claimed[start : start + CHUNK], token)

    async def leave(self) -> None:
        """Release the claims that are left, so that other workers need not wait for their end."""
        claimed = dict(self._in_flight.claimed)
        if not claimed:
            return
        tokens = {each.token for each in claimed.values()}
        async with self._services.database.writing() as connection:
            await release(connection, list(claimed), tokens, at=self._services.clock())
        self._in_flight.claimed.clear()

    def _busy_hosts(self) -> list[str]:
        return [host for host, count in self._in_flight.per_host().items() if count >= MAX_PER_HOST]

    async def _any_due(self) -> bool:
        """Return whether a delivery is due, without taking a lock: mostly there is none."""
        async with self._services.database.reading() as connection:
            now, busy = self._services.clock(), self._busy_hosts()
            return bool(await due_deliveries(connection, at=now, without=busy, limit=1, lock=False))

    async def _claim(self, token: UUID) -> list[UUID]:
        now = self._services.clock()
        async with self._services.database.writing() as connection:
            free, busy = self._in_flight.free, self._busy_hosts()
            due = self._within_host_limit(await due_deliveries(connection, at=now, without=busy, limit=free))
            if due:
                await claim(connection, [row.id for row in due], token, until=now + self._claim_period)
        self._in_flight.claimed.update({row.id: ClaimedDelivery(row.host, token) for row in due})
        return [row.id for row in due]

    def _within_host_limit(self, due: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Leave out deliveries beyond the limit of their host."""
        per_host, chosen = self._in_flight.per_host(), []
        for row in due:
            if per_host[row.host] < MAX_PER_HOST:
                per_host[row.host] += 1
                chosen.append(row)
        return chosen
