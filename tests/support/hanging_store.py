"""A store that does not answer while the test lets it hang: a stalled network file system."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.support.darkroom import Darkroom
from worker.archive.record_log import RecordLog
from worker.services import build_asset_store
from worker.storage.object_store import Stat, StoredFile
from worker.storage.store import Store


class HangingStore:
    """Passes every call on once ``answers`` is set."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.answers = asyncio.Event()
        self.asked = asyncio.Event()  #: set by the first call that has to wait

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        await self._wait()
        await self._store.put(key, source, content_type=content_type)

    async def get(self, key: str) -> bytes:
        await self._wait()
        return await self._store.get(key)

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        await self._wait()
        return await self._store.read_range(key, start, end)

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        await self._wait()
        async for chunk in self._store.stream(key, start, end):
            yield chunk

    async def head(self, key: str) -> Stat | None:
        await self._wait()
        return await self._store.head(key)

    async def delete(self, key: str) -> None:
        await self._wait()
        await self._store.delete(key)

    async def list_files(self, prefix: str, *, after: str = "", limit: int) -> Sequence[StoredFile]:
        await self._wait()
        return await self._store.list_files(prefix, after=after, limit=limit)

    async def delete_older(self, key: str, before: datetime) -> bool:
        await self._wait()
        return await self._store.delete_older(key, before)

    async def check(self) -> None:
        await self._wait()
        await self._store.check()

    async def _wait(self) -> None:
        if not self.answers.is_set():
            self.asked.set()
        await self.answers.wait()


def let_storage_hang(darkroom: Darkroom) -> HangingStore:
    """Give all workers that are made from now on a store that hangs."""
    services = darkroom.services
    store = HangingStore(services.store)
    asset_store, client = build_asset_store(services.settings, store, None, services.folder)
    darkroom.services = replace(
        services,
        store=store,
        asset_store=asset_store,
        record_log=RecordLog(store),
        clients=(*services.clients, client),
    )
    return store
