"""Request batches: what requests want that come at once is read, or written, in one transaction.

It needs as many statements for fifty requests as for one. One batch of a group is worked on at a time;
requests that come meanwhile are the next one, so that none gets what was read before it came.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from api.fair_database import present_client
from models.errors import DatabaseAway
from worker.process.log_context import create_detached_task

_MOST = 50  # keys of one batch: what is made of them blocks the event loop
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Act = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]  #: leaves out what there is not


class RequestBatches(Generic[K, V]):
    """Acts on keys, for all requests of a group that wait."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._waiting: dict[Hashable, dict[K, list[asyncio.Future[V | None]]]] = {}

    async def get(self, group: Hashable, key: K, act: Act[K, V]) -> V | None:
        """Return the value of a key, or ``None``. Raises what ``act`` does.

        Requests of a group may be answered by the ``act`` of another: it must do the same for all of them.
        Requests with the same key share its value, which none may change. If ``act`` fails for several keys,
        it is called for each: so it has to leave nothing behind then.
        """
        client = present_client.get()
        group = (client, group)
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        if group in self._waiting:
            self._waiting[group].setdefault(key, []).append(future)
        else:
            self._waiting[group] = {key: [future]}
            create_detached_task(self._run(group, client, act), name="request batches")
        return await future

    async def _run(self, group: Hashable, client: Hashable, act: Act[K, V]) -> None:
        present_client.set(client)
        waiting = self._waiting[group]
        taken: dict[K, list[asyncio.Future[V | None]]] = {}
        try:
            while waiting:
                taken = {key: waiting.pop(key) for key in list(islice(waiting, self._most))}
                await _answer(taken, act)
        finally:
            del self._waiting[group]
            for future in (each for futures in (*taken.values(), *waiting.values()) for each in futures):
                future.cancel()  # of a batch that was cancelled; others are done


async def _answer(taken: Mapping[K, Sequence[asyncio.Future[V | None]]], act: Act[K, V]) -> None:
    """Act on some keys. If that fails, on each by itself: an error of one must not be the others'."""
    try:
        found = await act(list(taken))
    except Exception as error:  # noqa: BLE001 - the requests that wait raise it
        if len(taken) > 1 and not isinstance(error, DatabaseAway):
            for key, futures in taken.items():
                await _answer({key: futures}, act)
            return
        for future in (each for futures in taken.values() for each in futures if not each.done()):
            future.set_exception(error)
    else:
        for key, futures in taken.items():
            for future in futures:
                if not future.done():
                    future.set_result(found.get(key))
