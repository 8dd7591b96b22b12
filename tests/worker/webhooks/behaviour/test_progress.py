"""Progress for a receiver that fails or names a time: what is newer waits as well."""

import asyncio

from models.states import JobStatus
from models.webhook_events import JOB_EVENTS
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker

S = JobStatus
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


async def test_newer_progress_waits_as_long_as_the_receiver_asked_and_the_end_does_not(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    receiver.responses = [(429, {"Retry-After": "60"})] * 2
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.send()
    for percent in (10, 20):
        await webhooks.progress(job_id, percent)
        await webhooks.send()
    assert len(receiver.messages) == 1
    darkroom.clock.forward(seconds=59)
    await webhooks.send()
    assert len(receiver.messages) == 1
    darkroom.clock.forward(seconds=2)
    await webhooks.send()
    assert [got.payload["data"]["progress"] for got in receiver.messages] == [0, 20]
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED, progress=100)
    await webhooks.send()
    assert receiver.types[-1] == "job.succeeded"


async def test_progress_that_came_while_another_was_refused_waits_too(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    receiver.hangs = asyncio.Event()
    receiver.responses = [503]
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    await webhooks.progress(job_id, 20)
    receiver.hangs.set()
    await sending
    await webhooks.send()
    assert len(receiver.messages) == 1
    darkroom.clock.forward(seconds=7)
    await webhooks.send()
    assert [got.payload["data"]["progress"] for got in receiver.messages] == [0, 20]
