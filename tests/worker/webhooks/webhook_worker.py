"""A worker that only delivers webhooks, whose deliveries the test starts by hand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from models.ids import new_id
from models.queries.transitions import Revisions, Transition, apply
from models.queries.webhooks.endpoints import insert_endpoint
from models.queries.webhooks.outbox import insert_deliveries, new_delivery
from models.states import JobStatus
from models.tables import webhook_deliveries, webhook_endpoints
from models.webhook_events import DEFAULT_EVENTS, WebhookEvent
from tests.support.darkroom import Darkroom
from worker.webhooks.context import WebhookContext, open_context
from worker.webhooks.delivery import deliver
from worker.webhooks.dispatcher import DeliveryDispatcher
from worker.webhooks.signature import new_secret

S = JobStatus
DONE = (S.QUEUED, S.LEASED, S.RUNNING, S.SUCCEEDED)


@dataclass
class WebhookWorker:
    """The delivery dispatcher of one worker. What it starts is kept until the test delivers it."""

    darkroom: Darkroom
    context: WebhookContext
    dispatcher: DeliveryDispatcher
    started: list[tuple[list[UUID], UUID]]

    async def claim(self) -> None:
        """Claim all that is due and fits."""
        await self.dispatcher.run_round()

    async def deliver(self) -> None:
        """Send what was claimed."""
        started, self.started[:] = list(self.started), []
        for delivery_ids, token in started:
            await deliver(self.context, delivery_ids, token)

    async def send(self) -> None:
        """Do one round: claim what is due, and send it."""
        await self.claim()
        await self.deliver()

    async def job(self, caller: UUID, *path: JobStatus, **values: Any) -> UUID:
        """Make a job and lead it along a path."""
        job_id = await self.darkroom.submit(caller, **values)
        await self.move(job_id, *(path or DONE))
        return job_id

    async def move(self, job_id: UUID, *path: JobStatus, **changes: Any) -> Revisions:
        revisions = Revisions()
        for leaving, entering in pairwise(path):
            restart = leaving is S.HELD and entering is S.QUEUED
            transition = Transition(
                job_id, leaving, entering, self.darkroom.clock(), changes=changes, restart=restart
            )
            async with self.darkroom.services.database.writing() as connection:
                revisions = await apply(connection, [transition])
                assert revisions
        return revisions

    async def progress(self, job_id: UUID, percent: int) -> None:
        await self.move(job_id, S.RUNNING, S.RUNNING, progress=percent)

    async def endpoint(self, caller: UUID, url: str, **values: Any) -> tuple[UUID, str]:
        """Make an endpoint; return its id and secret."""
        row = {
            "id": new_id(),
            "caller_id": caller,
            "url": url,
            "description": "",
            "events": sorted(DEFAULT_EVENTS),
            "secret": new_secret(),
            "created_at": self.darkroom.clock(),
            **values,
        }
        async with self.darkroom.services.database.writing() as connection:
            await insert_endpoint(connection, row)
        return row["id"], row["secret"]

    async def tests(self, caller: UUID, url: str, *, count: int = 1) -> None:
        """Put tests into the outbox."""
        values = {"caller_id": caller, "endpoint_id": None, "job_id": None, "url": url, "revision": 0}
        at, event = self.darkroom.clock(), WebhookEvent.TEST
        rows = [new_delivery(**values, event=event, snapshot={}, at=at) for _ in range(count)]
        async with self.darkroom.services.database.writing() as connection:
            await insert_deliveries(connection, rows)

    async def deliveries(self) -> Sequence[Row[Any]]:
        return await self._all(select(webhook_deliveries).order_by(webhook_deliveries.c.id))

    async def endpoints(self) -> Sequence[Row[Any]]:
        return await self._all(select(webhook_endpoints).order_by(webhook_endpoints.c.id))

    async def statuses(self) -> list[str]:
        return [row.status for row in await self.deliveries()]

    async def _all(self, statement: Any) -> Sequence[Row[Any]]:
        async with self.darkroom.services.database.reading() as connection:
            return (await connection.execute(statement)).all()


def new_webhook_worker(darkroom: Darkroom) -> WebhookWorker:
    """Return another worker."""
    started: list[tuple[list[UUID], UUID]] = []

    def start(delivery_ids: Sequence[UUID], token: UUID) -> None:
        started.append((list(delivery_ids), token))

    context = open_context(darkroom.services, asyncio.Event())
    return WebhookWorker(darkroom, context, DeliveryDispatcher(context, start, asyncio.Event()), started)
