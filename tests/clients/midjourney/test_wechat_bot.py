"""A chat bot of the wechat-midjourney kind: it never polls; its hook's messages go to a room."""

from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker

STATE = "room@1:Mei"
MOST = 100 * 1024  # bytes of a body that the bot's server takes


@pytest.fixture
def bot(installation: Installation) -> ClientProgram:
    """The bot, whose address has /mj in it."""
    return installation.client("/mj", mj_api_secret=ALICE, Content_Type="application/json")


@pytest.fixture
async def webhooks(installation: Installation) -> AsyncIterator[WebhookWorker]:
    """The part of a worker that sends messages."""
    made = new_webhook_worker(installation.stack.darkroom)
    yield made
    await made.context.close()


def said(task: dict[str, Any]) -> str | None:
    """Return what the bot says in the room about a message; ``None``: nothing."""
    room, _, user = task["state"].partition(":")
    assert (room, user) == ("room@1", "Mei")
    match task["status"]:
        case "SUBMITTED":
            return f"@{user} started: {task['description']}"
        case "FAILURE":
            return f"@{user} failed: {task['failReason']}"
        case "SUCCESS":
            seconds = (task["finishTime"] - task["submitTime"]) / 1000
            assert seconds >= 0
            name = PurePosixPath(urlsplit(task["imageUrl"]).path)
            assert name.suffix in (".png", ".jpg", ".jpeg", ".webp")
            return f"@{user} {task['action']} {task['id']}"
        case _:
            return None


async def submit(bot: ClientProgram, path: str, receiver: Receiver, **body: object) -> str:
    answer: Answer = await bot.post(path, {"state": STATE, "notifyHook": receiver.url, **body})
    assert (answer.status, answer.read("code", int)) == (200, 1)
    result: str = answer.read("result", str)
    return result


async def test_each_task_is_announced_once_and_ends_once(
    installation: Installation, bot: ClientProgram, webhooks: WebhookWorker, receiver: Receiver
) -> None:
    grid = await submit(bot, "/submit/imagine", receiver, prompt="a red fox")
    failing = await submit(bot, "/submit/imagine", receiver, prompt="a wolf [fail moderation]")
    await installation.draw()
    picked = await submit(bot, "/submit/simple-change", receiver, content=f"{grid} U1")
    for _ in range(8):
        await webhooks.send()
        installation.stack.darkroom.clock.forward(seconds=1)
    by_task: dict[str, list[str]] = {}
    for got in receiver.messages:
        assert len(got.body) < MOST
        if text := said(got.payload):
            by_task.setdefault(got.payload["id"], []).append(text)
    assert by_task == {
        grid: ["@Mei started: /imagine a red fox", f"@Mei IMAGINE {grid}"],
        failing: [by_task[failing][0], by_task[failing][1]],
        picked: [f"@Mei started: /up {grid} U1", f"@Mei UPSCALE {picked}"],
    }
    assert by_task[failing][1].startswith("@Mei failed: ")
