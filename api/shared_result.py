"""Shared result: many callers of one costly function share its result for a few seconds."""

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._function, self._fresh, self._clock = function, fresh, clock
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0  # of the clock

    async def value(self) -> T:
        """Return the result, or raise the error of the call that is shared."""
        task = self._task
        if task is None or (task.done() and self._clock() >= self._until):
            task = self._task = create_detached_task(self._call(), name="shared result")
        return await asyncio.shield(task)

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
