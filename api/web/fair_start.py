"""Requests of an API process begin in turn: a client that sends hundreds at once holds up no other's.

Each step of a request takes the event loop for some tenths of a millisecond. Hundreds that begin at once
would take it for so long that the request of another client, which needs several steps, waits for seconds.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable

STARTS = 4  #: requests that begin in one round of the event loop


class FairStart:
    """Lets a few requests begin in each round of the event loop, one of each client in turn."""

    def __init__(self, starts: int = STARTS) -> None:
        self._starts = self._left = starts
        self._round_comes = False
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def turn(self, client: Hashable) -> None:
        """Return once a request of this client may begin."""
        if self._left and not self._waiting:
            self._take()
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(granted)
        await granted

    def _take(self) -> None:
        self._left -= 1
        if not self._round_comes:
            self._round_comes = True
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        self._left, self._round_comes = self._starts, False
        while self._left and self._waiting:
            client, requests = self._waiting.popitem(last=False)
            granted = requests.popleft()
            if requests:
                self._waiting[client] = requests  # behind the others
            if not granted.done():  # else it was cancelled
                granted.set_result(None)
                self._take()
