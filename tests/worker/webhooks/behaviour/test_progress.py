"""Progress deliveries: the newest supersedes older ones, waits for a failing receiver, and delays no end."""

import asyncio

from models.states import JobStatus
from models.webhook_events import JOB_EVENTS
from tests.support.darkroom import Darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker

S = JobStatus
RUNNING = (S.QUEUED, S.LEASED, S.RUNNING)


async def test_newer_progress_waits_for_retry_after_and_the_final_event_does_not(
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


async def test_progress_that_came_while_older_progress_failed_waits_too(
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


async def test_progress_goes_to_subscribers_and_the_newest_supersedes_what_is_pending(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.send()
    for percent in (10, 20, 30):
        await webhooks.progress(job_id, percent)
    await webhooks.send()
    await webhooks.progress(job_id, 80)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED, progress=100)
    await webhooks.send()
    sent = [(got.payload["type"], got.payload["data"]["progress"]) for got in receiver.messages]
    assert sent == [("job.progress", 0), ("job.progress", 30), ("job.succeeded", 100)]
    assert sorted(await webhooks.statuses()) == ["delivered"] * 3 + ["superseded"] * 3


async def test_progress_is_superseded_only_by_events_for_the_same_receiver(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=["job.progress"])
    await webhooks.endpoint(caller, receiver.url, events=["job.succeeded"])
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.progress(job_id, 80)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED, progress=100)
    await webhooks.send()
    sent = [(got.payload["type"], got.payload["data"]["progress"]) for got in receiver.messages]
    assert sorted(sent) == [("job.progress", 80), ("job.succeeded", 100)]


async def test_progress_that_failed_is_superseded_by_the_final_event(
    darkroom: Darkroom, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    caller = await darkroom.caller()
    await webhooks.endpoint(caller, receiver.url, events=sorted(JOB_EVENTS))
    receiver.hangs = asyncio.Event()
    job_id = await webhooks.job(caller, *RUNNING)
    await webhooks.claim()
    sending = asyncio.create_task(webhooks.deliver())
    await receiver.until(1)
    await webhooks.move(job_id, S.RUNNING, S.SUCCEEDED)
    other = new_webhook_worker(darkroom)
    await other.claim()
    assert other.started == []  # the final event waits for the progress in flight
    receiver.responses = [500]
    receiver.hangs.set()
    await sending
    await webhooks.send()
    await other.context.close()
    assert receiver.types == ["job.progress", "job.succeeded"]
    assert await webhooks.statuses() == ["superseded", "delivered"]
