"""The pruner deletes deliveries that ended before the retention period, never pending ones."""

from datetime import timedelta
from typing import Any

import pytest

from models.queries.webhooks.deliveries import prune_deliveries, replay
from models.queries.webhooks.outbox import insert_deliveries, new_delivery
from models.webhook_events import DeliveryStatus, WebhookEvent
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker
from worker.webhooks.pruner import Pruner

D = DeliveryStatus
ENDED = (D.DELIVERED, D.FAILED, D.STOPPED, D.SUPERSEDED)


async def write(darkroom: Darkroom, *statuses: DeliveryStatus) -> None:
    """Write a delivery in each of these states; those that were sent, or not, ended just now."""
    caller, at = await darkroom.caller(), darkroom.clock()
    values: dict[str, Any] = {"caller_id": caller, "endpoint_id": None, "job_id": None, "revision": 0}
    values |= {"url": "https://receiver.example/hook", "event": WebhookEvent.TEST, "snapshot": {}, "at": at}
    ends = {D.PENDING: None, D.SUPERSEDED: None}
    rows = [new_delivery(**values, status=each, ended_at=ends.get(each, at)) for each in statuses]
    async with darkroom.services.database.writing() as connection:
        await insert_deliveries(connection, rows)


async def prune(darkroom: Darkroom, *, limit: int = 100) -> int:
    async with darkroom.services.database.writing() as connection:
        before = darkroom.clock() - timedelta(days=30)
        return await prune_deliveries(connection, before=before, limit=limit)


async def test_deliveries_that_ended_long_ago_are_pruned_and_pending_ones_stay(
    darkroom: Darkroom, webhooks: WebhookWorker
) -> None:
    await write(darkroom, *ENDED, D.PENDING)
    darkroom.clock.forward(days=29)
    await Pruner(darkroom.services).prune()
    assert sorted(await webhooks.statuses()) == sorted([*ENDED, D.PENDING])

    darkroom.clock.forward(days=2)
    await Pruner(darkroom.services).prune()
    assert await webhooks.statuses() == [D.PENDING]


async def test_a_long_log_is_pruned_in_batches_oldest_first(
    darkroom: Darkroom, webhooks: WebhookWorker
) -> None:
    await write(darkroom, *[D.DELIVERED] * 5)
    oldest = [row.id for row in await webhooks.deliveries()]
    darkroom.clock.forward(days=31)
    left = []
    for _ in range(3):
        assert await prune(darkroom, limit=2) in (2, 1)
        left.append([row.id for row in await webhooks.deliveries()])
    assert left == [oldest[2:], oldest[4:], []]
    assert await prune(darkroom) == 0


async def test_the_pruner_deletes_batch_after_batch_and_then_pauses(
    darkroom: Darkroom, webhooks: WebhookWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.webhooks.pruner._BATCH", 3)
    await write(darkroom, *[D.DELIVERED] * 4)
    darkroom.clock.forward(days=31)
    pruner = Pruner(darkroom.services)
    await pruner.prune()
    assert await webhooks.statuses() == [D.DELIVERED]
    await pruner.prune()
    assert await webhooks.statuses() == []

    darkroom.clock.forward(days=-31)
    await write(darkroom, D.DELIVERED)
    darkroom.clock.forward(days=31, minutes=9)
    await pruner.prune()
    assert await webhooks.statuses() == [D.DELIVERED]
    darkroom.clock.forward(minutes=2)
    await pruner.prune()
    assert await webhooks.statuses() == []


async def test_the_retention_of_a_replayed_delivery_counts_from_its_replay(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
    await webhooks.send()
    (row,) = await webhooks.deliveries()
    darkroom.clock.forward(days=25)
    async with darkroom.services.database.writing() as connection:
        assert await replay(connection, row.id, url=row.url, host=row.host, at=darkroom.clock())
    await webhooks.send()
    darkroom.clock.forward(days=29)
    assert await prune(darkroom) == 0
    darkroom.clock.forward(days=2)
    assert await prune(darkroom) == 1
    assert len(receiver.messages) == 2
