"""Batch small blocking calls into one thread hop.

A hop to a thread and back costs more CPU than writing a small file. Calls that arrive while a batch runs wait
for the next batch: under load each call gets cheaper, and an idle batcher adds no delay. A call may have
several steps: each is run for all calls of a group, before the next one is.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from weakref import WeakKeyDictionary

from models.errors import StorageError

Call = Callable[[], Iterator[None] | None]
"""What it returns are its further steps."""
Waiting = tuple[Call, "asyncio.Future[None]"]
Outcomes = Sequence[Exception | None]

MAX_CALLS = 64  #: calls of one batch
_GROUP = 8  # calls that are run step by step together: each may hold an open file
#: Batches running at once. One is cheapest; more are started only when a full batch is waiting.
MAX_BATCHES = 4


class ThreadBatcher:
    """Runs blocking calls in batches, separately for each event loop."""

    def __init__(self, threads: Executor | None = None) -> None:
        self._threads = threads
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _BatchQueue] = WeakKeyDictionary()

    async def run(self, call: Call) -> None:
        """Run ``call`` in a thread and raise its error. A cancelled call may still run."""
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = _BatchQueue(self._threads)
        await self._by_loop[loop].add(call, loop.create_future())


class _BatchQueue:
    """Queue of one event loop: waiting calls, and the number of running batches."""

    def __init__(self, threads: Executor | None) -> None:
        self._threads = threads
        self._waiting: deque[Waiting] = deque()
        self._running = 0

    async def add(self, call: Call, done: "asyncio.Future[None]") -> None:
        self._waiting.append((call, done))
        if not self._running or (self._running < MAX_BATCHES and len(self._waiting) >= MAX_CALLS):
            self._start()
        await done

    def _start(self) -> None:
        """Start a batch with the waiting calls, if there are any."""
        batch: list[Waiting] = []
        while self._waiting and len(batch) < MAX_CALLS:
            call, done = self._waiting.popleft()
            if not done.done():
                batch.append((call, done))
        if batch:
            calls = [call for call, _ in batch]
            running = asyncio.get_running_loop().run_in_executor(self._threads, _run_all, calls)
            self._running += 1
            running.add_done_callback(
                lambda done_batch: self._finish([done for _, done in batch], done_batch)
            )

    def _finish(self, calls: Sequence["asyncio.Future[None]"], batch: "asyncio.Future[Outcomes]") -> None:
        """Set the outcome of each call, and start the next batch."""
        self._running -= 1
        outcomes = (
            [StorageError("Darkroom is stopping.")] * len(calls) if batch.cancelled() else batch.result()
        )
        for done, error in zip(calls, outcomes, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        self._start()


def _run_all(calls: Sequence[Call]) -> Outcomes:
    """Run all calls and return the error of each, or ``None``."""
    groups = (calls[start : start + _GROUP] for start in range(0, len(calls), _GROUP))
    return [outcome for group in groups for outcome in _run_group(group)]


def _run_group(calls: Sequence[Call]) -> Outcomes:
    """Run the steps of all calls in turn."""
    outcomes: list[Exception | None] = [None] * len(calls)
    further: list[tuple[int, Iterator[None]]] = []
    for number, call in enumerate(calls):
        try:
            if (steps := call()) is not None:
                further.append((number, steps))
        except Exception as error:  # noqa: BLE001 - raised again in ``run``
            outcomes[number] = error
    while further:
        further = [(number, steps) for number, steps in further if _run_step(number, steps, outcomes)]
    return outcomes


def _run_step(number: int, steps: Iterator[None], outcomes: list[Exception | None]) -> bool:
    """Run the next step of a call; return whether there are others."""
    try:
        next(steps)
    except StopIteration:
        return False
    except Exception as error:  # noqa: BLE001 - raised again in ``run``
        outcomes[number] = error
        return False
    return True
