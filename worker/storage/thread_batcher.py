"""Small blocking calls, carried to a thread together.

A trip to a thread and back costs more CPU than writing a small file. Calls that come in while others are
under way wait for the next trip: the busier it is, the cheaper each one gets, and when it is idle none waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from weakref import WeakKeyDictionary

from models.errors import StorageError

Call = Callable[[], None]
Waiting = tuple[Call, "asyncio.Future[None]"]
Outcomes = Sequence[Exception | None]

MAX_CALLS = 64  #: calls per trip
#: Trips under way at once. One is cheapest; more are for a disk so slow that a full trip waits.
MAX_BATCHES = 4


class ThreadBatcher:
    """Carries the calls of every event loop that asks, each loop's by itself."""

    def __init__(self, threads: Executor | None = None) -> None:
        self._threads = threads
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Batch] = WeakKeyDictionary()

    async def run(self, call: Call) -> None:
        """Run ``call`` in a thread and raise what it raises. When cancelled, it may run nevertheless."""
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = _Batch(self._threads)
        await self._by_loop[loop].add(call, loop.create_future())


class _Batch:
    """The calls of one loop: those that wait, and how many trips are under way."""

    def __init__(self, threads: Executor | None) -> None:
        self._threads = threads
        self._waiting: deque[Waiting] = deque()
        self._trips = 0

    async def add(self, call: Call, done: "asyncio.Future[None]") -> None:
        self._waiting.append((call, done))
        if not self._trips or (self._trips < MAX_BATCHES and len(self._waiting) >= MAX_CALLS):
            self._start()
        await done

    def _start(self) -> None:
        """Start a trip with those who still wait, if anybody does."""
        load: list[Waiting] = []
        while self._waiting and len(load) < MAX_CALLS:
            call, done = self._waiting.popleft()
            if not done.done():
                load.append((call, done))
        if load:
            calls = [call for call, _ in load]
            trip = asyncio.get_running_loop().run_in_executor(self._threads, _run_all, calls)
            self._trips += 1
            trip.add_done_callback(lambda trip: self._finish([done for _, done in load], trip))

    def _finish(self, load: Sequence["asyncio.Future[None]"], trip: "asyncio.Future[Outcomes]") -> None:
        """Tell everybody aboard how it went, and start the next trip."""
        self._trips -= 1
        outcomes = [StorageError("Darkroom is stopping.")] * len(load) if trip.cancelled() else trip.result()
        for done, error in zip(load, outcomes, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        self._start()


def _run_all(calls: Sequence[Call]) -> Outcomes:
    """Make all calls and return what each raised."""
    outcomes: list[Exception | None] = []
    for call in calls:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is raised where the call came from
            outcomes.append(error)
        else:
            outcomes.append(None)
    return outcomes
