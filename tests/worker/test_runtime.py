"""A whole worker without Celery's process: webhooks do not need the broker, and survive a stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery

from models.ids import new_id
from models.queries.webhooks.deliveries import claim
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.app import build_worker
from worker.broker import NOTIFY
from worker.runtime import WorkerRuntime

pytestmark = pytest.mark.slow(reason="Celery takes seconds to give up a broker that is down")
BROKER_THAT_IS_DOWN = "redis://127.0.0.1:1/0"


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


@pytest.fixture
async def webhooks(darkroom: Darkroom) -> AsyncIterator[WebhookWorker]:
    made = new_webhook_worker(darkroom)
    yield made
    await made.context.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def running(
    darkroom: Darkroom, *, broker_url: str = "memory://", grace: float = 10
) -> AsyncIterator[tuple[Celery, WorkerRuntime]]:
    """Start a worker whose messages no Celery process consumes; it stops when the block ends."""
    app, runtime = build_worker(darkroom.services.settings.model_copy(update={"broker_url": broker_url}))
    await asyncio.to_thread(runtime.start)
    try:
        yield app, runtime
    finally:
        await asyncio.to_thread(runtime.stop, grace)


async def test_webhooks_are_delivered_although_the_broker_is_down(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.tests(await darkroom.caller(), receiver.url, count=40)
    async with running(darkroom, broker_url=BROKER_THAT_IS_DOWN):
        await receiver.until(40)
    assert len({got.id for got in receiver.messages}) == 40
    assert await webhooks.statuses() == ["delivered"] * 40


async def test_the_task_of_earlier_versions_still_delivers_what_was_claimed(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.tests(await darkroom.caller(), receiver.url)
    (row,), token = await webhooks.deliveries(), new_id()
    async with darkroom.services.database.writing() as connection:
        await claim(connection, [row.id], token, until=darkroom.clock() + timedelta(hours=1))
    async with running(darkroom) as (app, _):
        app.tasks[NOTIFY]([row.id.hex], token.hex)
        await receiver.until(1)
    assert await webhooks.statuses() == ["delivered"]


async def test_a_stopping_worker_waits_for_deliveries_in_flight(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.hangs = asyncio.Event()
    await webhooks.tests(await darkroom.caller(), receiver.url)
    async with running(darkroom) as (_, runtime):
        await receiver.until(1)
        runtime.halt()
        asyncio.get_running_loop().call_later(0.2, receiver.hangs.set)
    (row,) = await webhooks.deliveries()
    assert (row.status, row.tries, len(receiver.messages)) == ("delivered", 1, 1)


async def test_a_stopping_worker_releases_deliveries_that_do_not_end_in_time(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.hangs = asyncio.Event()
    await webhooks.tests(await darkroom.caller(), receiver.url, count=3)
    async with running(darkroom, broker_url=BROKER_THAT_IS_DOWN, grace=0):
        await receiver.until(3)
    receiver.hangs.set()
    rows = await webhooks.deliveries()
    assert [(row.status, row.tries, row.claim) for row in rows] == [("pending", 0, None)] * 3
    darkroom.clock.forward(seconds=60)
    await webhooks.send()
    assert await webhooks.statuses() == ["delivered"] * 3
