"""Batch reader: requests that come at once are read together, in one transaction.

A reading needs as many statements for fifty keys as for one. One reading of a group goes on at a time;
requests that come meanwhile are read by the next, so that none gets what was read before it came.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from api.fair_database import present_client
from models.errors import DatabaseAway
from worker.process.log_context import create_detached_task

_MOST = 50  # keys of one reading: what is made of them blocks the event loop
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Read = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]  #: leaves out what there is not


class BatchReader(Generic[K, V]):
    """Reads by key, for all requests of a group that wait."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._waiting: dict[Hashable, dict[K, list[asyncio.Future[V | None]]]] = {}

    async def get(self, group: Hashable, key: K, read: Read[K, V]) -> V | None:
        """Return the value of a key, or ``None``. Raises what ``read`` does.

        Requests of a group may be answered by the ``read`` of another: it must find the same for all of them.
        Requests for the same key share its value, which none may change.
        """
        client = present_client.get()
        group = (client, group)
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        if group in self._waiting:
            self._waiting[group].setdefault(key, []).append(future)
        else:
            self._waiting[group] = {key: [future]}
            create_detached_task(self._read_all(group, client, read), name="batch reader")
        return await future

    async def _read_all(self, group: Hashable, client: Hashable, read: Read[K, V]) -> None:
        present_client.set(client)
        waiting = self._waiting[group]
        while waiting:
            taken = {key: waiting.pop(key) for key in list(islice(waiting, self._most))}
            await _answer(taken, read)
        del self._waiting[group]


async def _answer(taken: Mapping[K, Sequence[asyncio.Future[V | None]]], read: Read[K, V]) -> None:
    """Read some keys. If that fails, each is read by itself: an error of one must not be the others'."""
    try:
        found = await read(list(taken))
    except Exception as error:  # noqa: BLE001 - the requests that wait raise it
        if len(taken) > 1 and not isinstance(error, DatabaseAway):
            for key, futures in taken.items():
                await _answer({key: futures}, read)
            return
        for future in (each for futures in taken.values() for each in futures if not each.done()):
            future.set_exception(error)
    else:
        for key, futures in taken.items():
            for future in futures:
                if not future.done():
                    future.set_result(found.get(key))
