"""One event loop in a thread of its own, beside Celery's."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for threads that wait for them. Whoever still waits when it stops is told, not left."""

    def __init__(self, name: str) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._door, self._closed = Lock(), False

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result], timeout: float | None = None) -> Result:
        """Run a coroutine on the loop and wait for it, at most ``timeout`` seconds.

        Raises ``concurrent.futures.CancelledError`` if the loop stops before it is done.
        """
        return self._take(work).result(timeout)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop without waiting for it; it says itself what goes wrong."""
        self._take(work)

    def stop(self) -> None:
        """End the loop, and cancel what still runs on it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)

    def _take(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        with self._door:
            if not self._closed:
                return asyncio.run_coroutine_threadsafe(work, self.loop)
        work.close()
        refused: Future[Result] = Future()
        refused.cancel()
        return refused

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        with self._door:
            self._closed = True
        self.loop.run_until_complete(_cancel_all())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


async def _cancel_all() -> None:
    """Cancel whatever else runs on this loop, also what was handed in and has not begun."""
    await asyncio.sleep(0)
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
