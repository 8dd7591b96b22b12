"""Sender: one thread that publishes messages, so that a broker that hangs blocks nothing else."""

import asyncio
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

from celery import Celery

_EXPIRES = 120  # seconds after which a message that nothing received is dropped


class Sender:
    """Publishes one message after the other. Its thread is a daemon: no exit waits for the broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._waiting: SimpleQueue[tuple[Future[None], str, str, list[Any]]] = SimpleQueue()
        Thread(target=self._send_all, name="sender", daemon=True).start()

    async def send(self, task: str, arguments: list[Any], *, queue: str, timeout: float) -> None:
        """Publish a message.

        Raises ``TimeoutError`` after ``timeout`` seconds, and whatever the transport raises. The message may
        be received all the same.
        """
        sent: Future[None] = Future()
        self._waiting.put((sent, task, queue, arguments))
        async with asyncio.timeout(timeout):
            await asyncio.wrap_future(sent)

    def _send_all(self) -> None:
        while True:
            sent, task, queue, arguments = self._waiting.get()
            if not sent.set_running_or_notify_cancel():  # it came too late while another one hung
                continue
            try:
                self._app.send_task(
                    task, args=arguments, queue=queue, expires=_EXPIRES, retry=False, ignore_result=True
                )
            except Exception as error:  # noqa: BLE001 - the broker's edge: transports raise errors of their own
                sent.set_exception(error)
            else:
                sent.set_result(None)
