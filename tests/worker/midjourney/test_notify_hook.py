"""notifyHook messages: each step once, in order, and always the end."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.states import JobStatus
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.service import ALICE
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.midjourney.notify_hook import NotifyHookProgress


@pytest.fixture
async def webhooks(stack: MidjourneyStack) -> AsyncIterator[WebhookWorker]:
    made = new_webhook_worker(stack.darkroom)
    yield made
    await made.context.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


CUT = ("prompt", "promptEn", "description", "properties")


async def test_the_end_of_a_task_is_sent_once_with_the_body_of_fetch(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    task = await stack.done(notifyHook=receiver.url, state="room:alice")
    for _ in range(3):
        await stack.complete()
        await webhooks.send()

    assert [got.payload["status"] for got in receiver.messages] == ["SUBMITTED", "SUCCESS"]
    assert receiver.messages[-1].payload == task
    assert receiver.messages[0].headers["webhook-signature"]


async def test_a_failure_is_sent_with_its_reason_until_the_receiver_accepts_it(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [200, 500]
    await stack.done(prompt="a cat [fail moderation]", notifyHook=receiver.url, state="")
    await webhooks.send()
    await webhooks.send()
    stack.darkroom.clock.forward(minutes=5)
    await webhooks.send()

    first, second = receiver.messages[1:]
    assert (first.id, first.body) == (second.id, second.body)
    assert (first.payload["status"], first.payload["state"]) == ("FAILURE", "")
    assert first.payload["failReason"]


async def test_progress_is_sent_in_rising_order(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await stack.number(notifyHook=receiver.url)
    await stack.dispatch()
    task, job_ids, lease = stack.worker.messages[0]
    for job_id in job_ids:
        stack.worker.messages[:] = [(task, [job_id], lease)]
        await stack.worker.deliver()
        await stack.complete()
        await stack.complete()
        await webhooks.send()
        await webhooks.send()

    assert [(got.payload["status"], got.payload["progress"]) for got in receiver.messages] == [
        ("SUBMITTED", "0%"),
        ("IN_PROGRESS", "25%"),
        ("IN_PROGRESS", "50%"),
        ("IN_PROGRESS", "75%"),
        ("SUCCESS", "100%"),
    ]


async def test_progress_of_more_tasks_than_a_batch_is_enqueued_in_the_next_round(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    numbers = [await stack.number(notifyHook=receiver.url) for _ in range(3)]
    for job in await stack.jobs():
        await stack.force(job.id, JobStatus.RUNNING, started_at=stack.darkroom.clock(), attempts_used=1)
    sender = NotifyHookProgress(stack.darkroom.services, batch=2)
    assert [await sender.enqueue_changes() for _ in range(3)] == [True, True, False]
    await webhooks.send()

    assert {got.payload["id"] for got in receiver.messages} == set(numbers)


async def test_unsent_progress_is_replaced_by_the_end(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    await stack.number(notifyHook=receiver.url)
    await stack.dispatch()
    task, job_ids, lease = stack.worker.messages[0]
    stack.worker.messages[:] = [(task, job_ids[:1], lease)]
    await stack.worker.deliver()
    await stack.complete()
    stack.worker.messages[:] = [(task, job_ids[1:], lease)]
    await stack.worker.deliver()
    await stack.complete()
    for _ in range(3):
        await webhooks.send()

    assert [got.payload["status"] for got in receiver.messages] == ["SUBMITTED", "SUCCESS"]


async def test_a_retry_after_delays_progress_but_not_the_end(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [200, (429, {"Retry-After": "60"})]
    await stack.number(notifyHook=receiver.url)
    await stack.dispatch()
    task, job_ids, lease = stack.worker.messages[0]
    for some in (job_ids[:1], job_ids[1:2], job_ids[2:]):
        stack.worker.messages[:] = [(task, some, lease)]
        await stack.worker.deliver()
        await stack.complete()
        await webhooks.send()
        await webhooks.send()

    assert [got.payload["progress"] for got in receiver.messages] == ["0%", "25%", "100%"]


async def test_a_410_stops_the_messages_of_that_task(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [410]
    await stack.number(notifyHook=receiver.url)
    await stack.dispatch()
    task, job_ids, lease = stack.worker.messages[0]
    for some in (job_ids[:1], job_ids[1:]):
        stack.worker.messages[:] = [(task, some, lease)]
        await stack.worker.deliver()
        await stack.complete()
        await webhooks.send()
    assert [got.payload["status"] for got in receiver.messages] == ["SUBMITTED"]

    other = await stack.done(notifyHook=receiver.url)
    await webhooks.send()
    await webhooks.send()
    assert receiver.messages[-1].payload["id"] == other["id"]


async def test_upscales_and_cancellations_are_sent_too(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    grid = await stack.done()
    await stack.number("change", taskId=grid["id"], action="UPSCALE", index=2, notifyHook=receiver.url)
    waiting = await stack.number(notifyHook=receiver.url)
    await stack.call("POST", f"/mj/task/{waiting}/cancel")
    stack.darkroom.clock.forward(seconds=5)
    for _ in range(2):
        await webhooks.send()

    assert {(got.payload["action"], got.payload["status"]) for got in receiver.messages} == {
        ("UPSCALE", "SUBMITTED"),
        ("UPSCALE", "SUCCESS"),
        ("IMAGINE", "FAILURE"),
    }


async def test_an_upscale_sends_its_start_its_progress_and_its_end_each_in_its_time(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_instant_delay=2.5) as stack:
        webhooks, grid = new_webhook_worker(stack.darkroom), await stack.done()
        body = {"taskId": grid["id"], "action": "UPSCALE", "index": 2, "notifyHook": receiver.url}
        number = await stack.number("change", **body)
        shown = await stack.fetch(number)
        assert (shown["status"], shown["progress"], shown["finishTime"]) == ("IN_PROGRESS", "50%", None)
        assert (shown["imageUrl"], shown["buttons"]) == (None, [])
        queue = (await stack.call("GET", "/mj/task/queue")).json()
        assert [each["id"] for each in queue] == [number]
        stack.darkroom.clock.at = datetime.now(UTC)
        for _ in range(3):
            await webhooks.send()
            stack.darkroom.clock.forward(seconds=1.4)
        await webhooks.context.close()
    shown = [(got.payload["status"], got.payload["progress"]) for got in receiver.messages]
    assert shown == [("SUBMITTED", "0%"), ("IN_PROGRESS", "50%"), ("SUCCESS", "100%")]
    end = receiver.messages[-1].payload
    assert (end["imageUrl"], end["finishTime"] - end["submitTime"]) == (grid["imageUrls"][1]["url"], 2500)


async def test_messages_of_an_upscale_that_are_all_overdue_are_sent_one_after_the_other(
    sqlite_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_instant_delay=2.5) as stack:
        webhooks, grid = new_webhook_worker(stack.darkroom), await stack.done()
        body = {"taskId": grid["id"], "action": "UPSCALE", "index": 2, "notifyHook": receiver.url}
        await stack.number("change", **body)
        stack.darkroom.clock.at = datetime.now(UTC)
        stack.darkroom.clock.forward(minutes=1)
        steps = []
        for _ in range(3):
            await webhooks.send()
            steps.append([got.payload["status"] for got in receiver.messages])
        await webhooks.context.close()
    assert steps == [
        ["SUBMITTED"],
        ["SUBMITTED", "IN_PROGRESS"],
        ["SUBMITTED", "IN_PROGRESS", "SUCCESS"],
    ]


async def test_a_start_that_was_refused_is_not_sent_after_what_follows_it(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    receiver.responses = [500, 200, 500]
    await stack.done(notifyHook=receiver.url)
    grid = await stack.done()
    stack.darkroom.clock.at = datetime.now(UTC)
    await webhooks.send()
    await webhooks.send()
    await stack.number("change", taskId=grid["id"], action="UPSCALE", index=2, notifyHook=receiver.url)
    stack.darkroom.clock.forward(seconds=0.9)
    for _ in range(3):
        await webhooks.send()
        stack.darkroom.clock.forward(minutes=10)
    shown = [(got.payload["action"], got.payload["status"]) for got in receiver.messages]
    steps = ["SUBMITTED", "SUCCESS"]
    assert shown == [*(("IMAGINE", step) for step in steps), *(("UPSCALE", step) for step in steps)]


async def test_a_task_that_was_cancelled_before_its_first_call_sends_no_start(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    waiting = await stack.number(notifyHook=receiver.url)
    await stack.call("POST", f"/mj/task/{waiting}/cancel")
    for _ in range(2):
        stack.darkroom.clock.forward(seconds=5)
        await webhooks.send()
    assert [got.payload["status"] for got in receiver.messages] == ["FAILURE"]


async def test_messages_stay_below_20_kilobytes_and_fetch_stays_whole(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    prompt, state = "🐱" * 25_000, '"' * 3_999
    task = await stack.done(prompt=prompt, notifyHook=receiver.url, state=state)
    await webhooks.send()

    assert (task["prompt"], task["properties"]["finalPrompt"]) == (prompt, prompt)
    await webhooks.send()
    _, got = receiver.messages
    assert 19_000 < len(got.body) < 20_000
    assert got.payload["state"] == state
    assert got.payload["prompt"].endswith("🐱…")
    assert {**got.payload, **{name: task[name] for name in CUT}} == task


async def test_a_webhook_for_all_jobs_distinguishes_parts_of_a_task_by_surface(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    headers = {"Authorization": f"Bearer {ALICE}"}
    made = await stack.call("POST", "/v1/webhooks", json={"url": receiver.url}, headers=headers)
    assert made.status_code == 201, made.text
    job = {"model": "practice-image", "prompt": "a dog"}
    assert (await stack.call("POST", "/v1/jobs", json=job, headers=headers)).status_code == 202
    await stack.done()
    await webhooks.send()

    sent = Counter((got.payload["type"], got.payload["data"]["surface"]) for got in receiver.messages)
    assert sent == {("job.succeeded", "midjourney"): 4, ("job.succeeded", "rest"): 1}
