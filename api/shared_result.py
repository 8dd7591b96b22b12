"""Shared result: many callers of one costly function share its result for a few seconds.

With ``stale``, a result that is no longer fresh is returned once more while a new one is made, so that no
caller waits for it but the first.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from worker.process.log_context import create_detached_task

_SHARE = 20  # a result is kept for this many times the time it took: at most a twentieth of the time is spent
T = TypeVar("T")


class SharedResult(Generic[T]):
    """Calls ``function`` once at a time, and again only when its last result is ``fresh`` seconds old."""

    def __init__(
        self,
        function: Callable[[], Awaitable[T]],
        *,
        fresh: float,
        stale: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._function, self._fresh, self._stale, self._clock = function, fresh, stale, clock
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0  # of the clock

    async def value(self) -> T:
        """Return the result, or raise the error of the call that is shared."""
        task = self._task
        at = self._clock() if task is not None and task.done() else None
        if task is not None and (at is None or at < self._until):
            return await asyncio.shield(task)
        usable = task is not None and at is not None and at < self._until + self._stale and _succeeded(task)
        new = self._task = create_detached_task(self._call(), name="shared result")
        return task.result() if task is not None and usable else await asyncio.shield(new)

    def forget(self) -> None:
        """Forget the last result; a call that runs is shared all the same."""
        self._until = 0.0

    async def _call(self) -> T:
        start = self._clock()
        try:
            return await self._function()
        finally:
            end = self._clock()
            self._until = end + max(self._fresh, _SHARE * (end - start))


def _succeeded(task: asyncio.Task[T]) -> bool:
    return not task.cancelled() and task.exception() is None
