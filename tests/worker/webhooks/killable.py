"""A process killed by SIGKILL after the receiver has the message and before the result is recorded."""

import asyncio
import os
import signal
from pathlib import Path

from aiohttp import web

from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import WebhookWorker, new_webhook_worker


class LastMessage(Receiver):
    """Writes the id of the message to a file, and kills the process."""

    folder = Path()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        (self.folder / "came").write_text(request.headers["webhook-id"])
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def send_and_die(url: str, folder: str) -> None:
    """Finish a job, and die while its delivery is in flight."""
    asyncio.run(_send_and_die(url, Path(folder)))


async def _send_and_die(url: str, folder: Path) -> None:
    async with open_darkroom(url, folder, practice={}) as darkroom:
        receiver = LastMessage()
        receiver.folder = folder
        await receiver.start()
        webhooks = new_webhook_worker(darkroom)
        await webhooks.job(await darkroom.caller(), webhook_url=receiver.url)
        await webhooks.send()


async def send_again(url: str, folder: Path) -> list[str]:
    """Deliver as the next worker; return the ids that the receiver gets."""
    async with open_darkroom(url, folder, practice={}) as darkroom:
        receiver, webhooks = Receiver(), new_webhook_worker(darkroom)
        (row,) = await webhooks.deliveries()
        receiver.port = int(row.host.rpartition(":")[2])
        await receiver.start()
        await _send_twice(darkroom, webhooks)
        await webhooks.context.close()
        await receiver.stop()
        return [got.id for got in receiver.messages]


async def _send_twice(darkroom: Darkroom, webhooks: WebhookWorker) -> None:
    for _ in range(2):
        darkroom.clock.forward(minutes=2)
        await webhooks.send()
