"""A whole worker without Celery's process: webhooks do not need the broker, and survive a stop."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import structlog
from celery import Celery
from sqlalchemy import select

from models.ids import new_id
from models.queries.webhooks.deliveries import claim
from models.tables import webhook_deliveries
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.app import build_worker
from worker.broker.celery_app import NOTIFY
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
    changes = {"broker_url": broker_url, "worker_grace": grace}
    app, runtime = build_worker(darkroom.services.settings.model_copy(update=changes))
    await asyncio.to_thread(runtime.start)
    try:
        yield app, runtime
    finally:
        await asyncio.to_thread(runtime.stop)


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


@contextmanager
def away(url: str) -> Iterator[None]:
    """Keep a database from being written: a held lock on SQLite, refused connections on PostgreSQL."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            holder.close()
        return
    server, name = url.rsplit("/", 1)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


async def leased(darkroom: Darkroom) -> UUID:
    """Submit a job, and wait until the worker has leased it."""
    job_id = await darkroom.submit(await darkroom.caller())
    async with asyncio.timeout(30):
        while (await darkroom.job(job_id)).status != "leased":  # noqa: ASYNC110 - another thread leases it
            await asyncio.sleep(0.02)
    return job_id


async def test_a_worker_stops_while_the_database_is_away(plain_database_url: str, darkroom: Darkroom) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(darkroom, grace=0):
            job_id = await leased(darkroom)
            away_from = away(plain_database_url)
            await asyncio.to_thread(away_from.__enter__)
            began = time.monotonic()
    took = time.monotonic() - began
    await asyncio.to_thread(away_from.__exit__, None, None, None)
    assert took < 21
    assert "its jobs are reclaimed when its heartbeat is overdue" in " ".join(log["event"] for log in logs)
    await darkroom.services.database.close()  # connections that the outage has cut
    assert (await darkroom.job(job_id)).status == "leased"


async def test_a_release_of_webhooks_that_hangs_does_not_keep_jobs_from_being_released(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    if darkroom.services.database.is_sqlite:
        pytest.skip("one lock for all tables: if the release of webhooks hangs, so does that of jobs")
    receiver.hangs = asyncio.Event()
    await webhooks.tests(await darkroom.caller(), receiver.url)
    async with darkroom.services.database.writing() as locking:
        async with running(darkroom, grace=0):
            await receiver.until(1)
            job_id = await leased(darkroom)
            await locking.execute(select(webhook_deliveries).with_for_update())
        assert (await darkroom.job(job_id)).status == "queued"
    receiver.hangs.set()
