"""Memory budget of request bodies: those of one caller that are worked on are bounded together."""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Share:
    """What one owner has reserved, and the reservations that wait, in order."""

    reserved: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)


class BodyBudget:
    """Reserves bytes for the bodies of each owner, up to ``limit`` at once; further ones wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._shares: dict[Hashable, _Share] = {}

    async def reserve(self, owner: Hashable, size: int) -> None:
        """Reserve ``size`` bytes (at most the limit), once the earlier bodies leave room for them."""
        share, size = self._shares.setdefault(owner, _Share()), min(size, self._limit)
        if not share.waiting and share.reserved + size <= self._limit:
            share.reserved += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        share.waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(owner, size)
            else:
                share.waiting.remove((size, turn))
                self._admit(owner, share)
            raise

    def release(self, owner: Hashable, size: int) -> None:
        """Return what was reserved for a body, and let the next ones begin."""
        share = self._shares[owner]
        share.reserved -= min(size, self._limit)
        self._admit(owner, share)

    def _admit(self, owner: Hashable, share: _Share) -> None:
        while share.waiting and share.reserved + share.waiting[0][0] <= self._limit:
            size, turn = share.waiting.popleft()
            if not turn.cancelled():
                share.reserved += size
                turn.set_result(None)
        if not share.reserved and not share.waiting:
            self._shares.pop(owner, None)
