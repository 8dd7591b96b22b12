"""The courier: claims due deliveries for its worker, and hands them to Celery."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from models.ids import new_id
from models.queries.webhooks.deliveries import claim, due_deliveries, release
from worker.broker import NOTIFY
from worker.webhooks.context import PER_HOST, Claimed, WebhookContext
from worker.webhooks.pruner import Pruner

CHUNK = 32
_REST = 0.02  # seconds between looks at least
_HEARING = timedelta(seconds=15)  # for the message to come; after the claim, others send it
_log = structlog.get_logger()
Publish = Callable[[str, Sequence[UUID], UUID], Awaitable[bool]]  # whether the broker took the message


class DeliveryDispatcher:
    """Looks for due deliveries on a timer, when the doorbell rings, and when one has ended."""

    def __init__(self, context: WebhookContext, publish: Publish, halt: asyncio.Event) -> None:
        self._tools, self._outgoing, self._publish, self._halt = (
            context.services,
            context.in_flight,
            publish,
            halt,
        )
        self._claim = timedelta(seconds=self._tools.settings.webhook_timeout) + _HEARING
        self._pruner = Pruner(context.services)

    async def run(self) -> None:
        """Look again and again until cancelled; outages of the database are waited out."""
        while True:
            try:
                await self.run_round()
                await self._pruner.prune()
            except (SQLAlchemyError, OSError) as error:
                _log.error("webhooks wait for the database", error=str(error)[:300])
                await asyncio.sleep(0.5)
            except Exception:  # noqa: BLE001 - nobody watches at night: the next round comes
                _log.exception("a round of the courier failed; it tries again")
                await asyncio.sleep(0.5)
            await asyncio.sleep(_REST)
            try:
                async with asyncio.timeout(self._tools.settings.dispatch_interval):
                    await self._outgoing.rung.wait()
            except TimeoutError:
                pass
            self._outgoing.rung.clear()

    async def run_round(self) -> None:
        """Claim all that is due and fits, host by host."""
        self._outgoing.forget_lost(self._tools.clock())
        while not self._halt.is_set() and self._outgoing.room and await self._any_due():
            token = new_id()
            claimed = await self._take(token)
            if not claimed or not await self._hand_over(claimed, token):
                return

    def _busy(self) -> list[str]:
        return [host for host, count in self._outgoing.hosts().items() if count >= PER_HOST]

    async def _any_due(self) -> bool:
        """Look without a lock: mostly there is nothing."""
        async with self._tools.database.reading() as connection:
            now = self._tools.clock()
            busy = self._busy()
            return bool(await due_deliveries(connection, at=now, without=busy, limit=1, take=False))

    async def _take(self, token: UUID) -> list[UUID]:
        now = self._tools.clock()
        async with self._tools.database.writing() as connection:
            room = self._outgoing.room
            found = await due_deliveries(connection, at=now, without=self._busy(), limit=room)
            chosen = self._fair(found)
            if chosen:
                await claim(connection, [row.id for row in chosen], token, until=now + self._claim)
        claims = {row.id: Claimed(row.host, token, now + self._claim) for row in chosen}
        self._outgoing.under_way.update(claims)
        return [row.id for row in chosen]

    def _fair(self, found: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Leave out what would give one host too much at once."""
        hosts, chosen = self._outgoing.hosts(), []
        for row in found:
            if hosts[row.host] < PER_HOST:
                hosts[row.host] += 1
                chosen.append(row)
        return chosen

    async def _hand_over(self, claimed: Sequence[UUID], token: UUID) -> bool:
        """Publish in chunks; what the broker does not take is given back and tried at the next look."""
        for start in range(0, len(claimed), CHUNK):
            if await self._publish(NOTIFY, claimed[start : start + CHUNK], token):
                continue
            await self._give_back(claimed[start:], {token})
            return False
        return True

    async def leave(self) -> None:
        """Give back what was claimed and has not been sent: others need not wait for the claim's end."""
        claims = dict(self._outgoing.under_way)
        if claims:
            await self._give_back(list(claims), {claimed.token for claimed in claims.values()})

    async def _give_back(self, delivery_ids: Sequence[UUID], tokens: Collection[UUID]) -> None:
        async with self._tools.database.writing() as connection:
            await release(connection, delivery_ids, tokens, at=self._tools.clock())
        for delivery_id in delivery_ids:
            self._outgoing.under_way.pop(delivery_id, None)
