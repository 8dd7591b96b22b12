"""Deliveries are claimed by one worker each, in order per job and receiver, within the limit of each host."""

import asyncio

from models.states import JobStatus
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.webhooks.context import MAX_IN_FLIGHT

S = JobStatus
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


async def test_two_workers_never_claim_the_same_delivery(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller, other = await darkroom.caller(), new_webhook_worker(darkroom)
    for _ in range(20):
        await webhooks.job(caller, webhook_url=receiver.url)
    await asyncio.gather(webhooks.claim(), other.claim())
    await asyncio.gather(webhooks.deliver(), other.deliver())
    for _ in range(2):
        await webhooks.send()
    await other.context.close()
    assert len(receiver.messages) == len({got.id for got in receiver.messages}) == 20


async def test_a_hanging_host_leaves_room_for_others(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller, slow = await darkroom.caller(), Receiver(hangs=asyncio.Event())
    await slow.start()
    await webhooks.tests(caller, slow.url, count=MAX_IN_FLIGHT + 20)
    darkroom.clock.forward(seconds=1)
    await webhooks.job(caller, webhook_url=receiver.url)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert slow.hangs is not None
    slow.hangs.set()
    await slow.stop()


async def test_events_of_a_job_are_delivered_in_order_even_after_failures(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [500]
    job_id = await webhooks.job(await darkroom.caller(), *RUNNING, S.HELD, webhook_url=receiver.url)
    await webhooks.send()
    await webhooks.move(job_id, S.HELD, *RUNNING, S.SUCCEEDED)
    await webhooks.send()
    assert receiver.types == ["job.held"]
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    await webhooks.send()
    assert receiver.types == ["job.held", "job.held", "job.succeeded"]
    assert [got.payload["data"]["status"] for got in receiver.messages] == ["held", "held", "succeeded"]


async def test_a_failing_receiver_holds_up_no_other(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, "http://127.0.0.1:1/closed")
    await webhooks.job(caller, *RUNNING, S.FAILED, webhook_url=receiver.url)
    await webhooks.send()
    assert receiver.types == ["job.failed"]
    assert sorted(await webhooks.statuses()) == ["delivered", "pending"]
