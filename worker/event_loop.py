"""Event loop in a thread of its own, beside Celery's threads."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from threading import Lock, Thread
from typing import Any, TypeVar

import uvloop

from worker.cancellation import cancel_and_wait

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for other threads. When it stops, their futures are cancelled, not left pending."""

    def __init__(self, name: str) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._lock, self._closed = Lock(), False

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """Run a coroutine on the loop and wait for it, at most ``timeout`` seconds.

        Raises ``concurrent.futures.CancelledError`` if the loop stops before it is done.
        """
        with self._lock:
            running = None if self._closed else asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        if running is None:
            coroutine.close()
            raise CancelledError
        return running.result(timeout)

    def call(self, callback: Callable[[], object]) -> None:
        """Call a function on the loop soon, without waiting for it; a stopped loop ignores it."""
        with self._lock:
            if not self._closed:
                self._loop.call_soon_threadsafe(callback)

    def stop(self) -> None:
        """Stop the loop, and cancel what still runs on it."""
        self.call(self._loop.stop)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        with self._lock:
            self._closed = True
        self._loop.run_until_complete(_cancel_all())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _cancel_all() -> None:
    """Cancel all other tasks of this loop, including those that were submitted and have not started."""
    await asyncio.sleep(0)
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await cancel_and_wait(*others)
