"""A malformed delivery or response affects no other delivery, and is not retried for ever."""

from typing import Any

from sqlalchemy import update

from models.states import JobStatus
from models.tables import webhook_deliveries
from models.webhook_events import JOB_EVENTS
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker
from worker.webhooks.retry_schedule import RETRIES

S = JobStatus
DAY = 86_400


async def spoil(darkroom: Darkroom, delivery_id: Any, snapshot: Any) -> None:
    async with darkroom.services.database.writing() as connection:
        one = webhook_deliveries.c.id == delivery_id
        await connection.execute(update(webhook_deliveries).where(one).values(snapshot=snapshot))


async def test_a_message_that_cannot_be_rendered_delays_no_other_and_is_given_up_in_the_end(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    for _ in range(3):
        await webhooks.job(caller, webhook_url=receiver.url)
    await spoil(darkroom, (await webhooks.deliveries())[0].id, {"started_at": "soon", "finished_at": None})
    await webhooks.send()
    assert await webhooks.statuses() == ["pending", "delivered", "delivered"]
    for _ in RETRIES:
        darkroom.clock.forward(seconds=DAY)
        await webhooks.send()
    assert await webhooks.statuses() == ["failed", "delivered", "delivered"]
    assert "could not write" in (await webhooks.deliveries())[0].log[-1]["problem"]
    assert len(receiver.messages) == 2


async def test_an_invalid_retry_after_is_ignored(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    receiver.responses = [(503, {"Retry-After": "Thu, 01 Jan 2026 00:02:00 +99999999999"})]
    for _ in range(2):
        await webhooks.job(caller, webhook_url=receiver.url)
    await webhooks.send()
    assert sorted(await webhooks.statuses()) == ["delivered", "pending"]
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    assert await webhooks.statuses() == ["delivered", "delivered"]
    assert len(receiver.messages) == 3


async def test_progress_claimed_by_a_killed_worker_does_not_delay_the_final_event(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    job_id = await webhooks.job(caller, S.QUEUED, S.LEASED, S.RUNNING)
    await webhooks.claim()
    late, webhooks.started[:] = list(webhooks.started), []
    darkroom.clock.forward(minutes=2)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED)
    webhooks.started.extend(late)
    await webhooks.deliver()
    await webhooks.send()
    assert receiver.types == ["job.succeeded"]
    assert await webhooks.statuses() == ["superseded", "delivered"]
