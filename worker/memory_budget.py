"""Memory budget of a worker: how many bytes of pictures and answers its jobs hold at a time.

A job reserves memory before it loads anything, so that large jobs wait instead of exhausting the machine.
An answer, which is paid for, only grows what its job holds. First come, first served.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Self


class MemoryBudget:
    """Weighted semaphore of bytes. A reservation larger than the whole budget is granted alone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit  #: bytes
        self.used = 0  #: bytes
        self._growing: dict[Reservation, None] = {}  # those that have grown, the oldest first
        self._waiting_to_grow: deque[_Request] = deque()
        self._waiting: deque[_Request] = deque()

    def reservation(self) -> "Reservation":
        """Return a reservation of nothing yet, as a context: what it holds then is released at its end."""
        return Reservation(self)

    async def _take(self, reservation: "Reservation", size: int, *, grow: bool) -> None:
        waiting = self._waiting_to_grow if grow else self._waiting
        request = _Request(reservation, size)
        waiting.append(request)
        self._grant()
        if request.granted.done():
            return
        try:
            await request.granted
        finally:
            if request in waiting:
                waiting.remove(request)
                self._grant()

    def _release(self, reservation: "Reservation", size: int, *, last: bool) -> None:
        self.used -= size
        reservation.size -= size
        if last:
            self._growing.pop(reservation, None)
        self._grant()

    def _grant(self) -> None:
        """Grant what fits, in order. Growth goes first; the oldest that grows never waits, so it ends."""
        for request in [*self._waiting_to_grow]:
            oldest = next(iter(self._growing), None)
            if request.cancelled or self._fits(request.size) or request.reservation is oldest:
                self._waiting_to_grow.remove(request)
                self._accept(request)
        while self._waiting and not self._waiting_to_grow:
            request = self._waiting[0]
            if not request.cancelled and not self._fits(request.size):
                break
            self._waiting.popleft()
            self._accept(request)

    def _fits(self, size: int) -> bool:
        return not self.used or self.used + size <= self.limit

    def _accept(self, request: "_Request") -> None:
        if request.cancelled:
            return
        self.used += request.size
        request.reservation.size += request.size
        request.granted.set_result(None)


class Reservation:
    """What one job holds of the budget, in bytes."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size = 0  #: bytes

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def acquire(self, size: int) -> None:
        """Wait until ``size`` bytes are free, or nothing else is held.

        Raises ``ValueError`` if it holds memory already: two that hold some and wait for more never end.
        """
        if self.size:
            raise ValueError("a reservation that holds memory can only grow")
        if size > 0:
            await self._budget._take(self, size, grow=False)

    async def grow(self, size: int) -> None:
        """Hold ``size`` bytes more; wait while others fill the budget, unless it is the oldest that grows."""
        self._budget._growing.setdefault(self)
        await self._budget._take(self, size, grow=True)

    def shrink(self, size: int) -> None:
        """Hold at most ``size`` bytes from now on."""
        if size < self.size:
            self._budget._release(self, self.size - size, last=False)

    def release(self) -> None:
        """Hold nothing from now on."""
        self._budget._release(self, self.size, last=True)


class _Request:
    """Memory that a reservation waits for."""

    def __init__(self, reservation: Reservation, size: int) -> None:
        self.reservation, self.size = reservation, size
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def cancelled(self) -> bool:
        """Whether its task was cancelled, and has not run since."""
        return self.granted.cancelled()
