"""A task or a message that can't be read stops none of its neighbours: their dialogs, progress and ends."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.states import JobStatus
from tests.api.midjourney.actions_support import picture, press_button
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import decoded
from tests.support.receiver import Receiver
from tests.support.unreadable_rows import UNREADABLE_TASKS, spoil
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker
from worker.midjourney.notify_hook import NotifyHookProgress
from worker.midjourney.timeouts import expire_dialogs


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A server that takes webhooks."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def webhooks(each_stack: MidjourneyStack) -> AsyncIterator[WebhookWorker]:
    """The part of a worker that sends messages."""
    made = new_webhook_worker(each_stack.darkroom)
    yield made
    await made.context.close()


async def spoil_task(stack: MidjourneyStack, number: str, kind: tuple[str, str, str]) -> None:
    await spoil(stack.darkroom.services.database, "midjourney_tasks", int(number), kind)


async def messages(
    stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> dict[str, list[str]]:
    """Send all messages; return the statuses that arrived, by task."""
    for _ in range(8):
        stack.darkroom.clock.forward(minutes=1)
        await webhooks.send()
    statuses: dict[str, list[str]] = {}
    for got in receiver.messages:
        statuses.setdefault(got.payload["id"], []).append(got.payload["status"])
    return statuses


async def test_dialogs_expire_beside_unreadable_ones(
    each_stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    stack, good = each_stack, []
    grid = await stack.done()
    for kind in UNREADABLE_TASKS.values():
        for spoiled in (True, False):
            body = {"enableRemix": True, "notifyHook": receiver.url}
            number = (await press_button(stack, grid, ":variation::1", **body))["result"]
            if spoiled:
                await spoil_task(stack, number, kind)
            else:
                good.append(number)
    continued = await stack.submit("modal", taskId=good[0], prompt="a dog")
    assert continued["code"] in (1, 22)
    stack.darkroom.clock.forward(hours=2)
    await expire_dialogs(stack.darkroom.services)
    sent = await messages(stack, webhooks, receiver)
    for number in good[1:]:
        assert decoded(await stack.fetch(number))["status"] == "FAILURE"
        assert sent[number] == ["FAILURE"]


@pytest.mark.slow(reason="each spoiled task is tried three times, with its traceback")
async def test_progress_and_ends_are_sent_beside_unreadable_tasks(
    each_stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    stack, good = each_stack, []
    for kind in UNREADABLE_TASKS.values():
        bad = await stack.number("blend", **two_pictures(), notifyHook=receiver.url)
        good.append(await stack.number("blend", **two_pictures(), notifyHook=receiver.url))
        await spoil_task(stack, bad, kind)
    for job in await stack.jobs():
        begun = {"started_at": stack.darkroom.clock(), "attempts_used": 1, "progress": 0}
        await stack.force(job.id, JobStatus.RUNNING, **begun)
    await NotifyHookProgress(stack.darkroom.services).enqueue_changes()
    for job in await stack.jobs():
        await stack.force(job.id, JobStatus.FAILED, error={"code": "x", "message": "refused"})
    for _ in range(4):
        await stack.complete()
    sent = await messages(stack, webhooks, receiver)
    assert {number: sent.get(number) for number in good} == {
        number: ["SUBMITTED", "FAILURE"] for number in good
    }
    for number in good:
        assert decoded(await stack.fetch(number))["status"] == "FAILURE"
    listed = await stack.call("POST", "/mj/task/query", json={"pageSize": 100})
    assert set(good) <= {task["id"] for task in listed.json()["content"]}


def two_pictures() -> dict[str, Any]:
    return {"base64Array": [picture(), picture(colour="blue")]}


async def test_messages_are_sent_beside_unreadable_ones(
    each_stack: MidjourneyStack, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    stack, good = each_stack, []
    kinds = [
        ("snapshot", "'[1, 2]'", "'[1, 2]'::jsonb"),
        ("snapshot", "'null'", "'null'::jsonb"),
        ("snapshot", "'{'", "'{\"body\": 1e400}'::jsonb"),
        ("log", "'{'", "'{\"a\": 1}'::jsonb"),
        ("log", "'7'", "'7'::jsonb"),
        ("at", "'soon'", "'infinity'::timestamptz"),
        ("event", "'strange'", "'strange'"),
        ("url", "'nowhere'", "'nowhere'"),
    ]
    grid = await stack.done()
    for kind in kinds:
        before = {row.id for row in await webhooks.deliveries()}
        change = {"taskId": grid["id"], "action": "UPSCALE", "index": 1, "notifyHook": receiver.url}
        await stack.number("change", **change)
        for row in await webhooks.deliveries():
            if row.id not in before:
                await spoil(stack.darkroom.services.database, "webhook_deliveries", row.id, kind)
        good.append(await stack.number("change", **change))
    sent = await messages(stack, webhooks, receiver)
    assert {number: sorted(sent.get(number, ())) for number in good} == {
        number: ["SUBMITTED", "SUCCESS"] for number in good
    }
