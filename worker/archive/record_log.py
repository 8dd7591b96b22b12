"""Many small records in few objects: what comes in while one object is written goes into the next.

A record costs a file, and a wait for the disk, of its own only when nothing else is to be written.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.errors import NotFound
from models.ids import new_id
from worker.storage.store import Store

_MOST = 256  # records in one object
_LARGEST = 8 * 2**20  # bytes of one object, unless a single record is larger


@dataclass(frozen=True, slots=True)
class _PendingRecord:
    record: bytes
    at: datetime
    shelved: "asyncio.Future[str]"


class RecordLog:
    """Keeps gzipped records, one after the other: such an object is gzip, too. For one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_PendingRecord] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, record: bytes, at: datetime) -> str:
        """Store a record and return its key, ``OBJECT#START-END``. Raises ``StorageError``."""
        shelved: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(_PendingRecord(record, at, shelved))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="shelf")
        return await shelved

    async def _write(self) -> None:
        while self._waiting:
            batch = self._take()
            key = f"answers/{batch[0].at:%Y/%m/%d}/{new_id()}.jsonl.gz"
            content = b"".join(each.record for each in batch)
            try:
                await self._store.put(key, content, content_type="application/gzip")
            except Exception as error:  # noqa: BLE001 - it is raised where each record came from
                for each in batch:
                    if not each.shelved.done():
                        each.shelved.set_exception(error)
                continue
            _tell(batch, key)

    def _take(self) -> Sequence[_PendingRecord]:
        """Return the next records that go together: those of one day, and not too many."""
        size = count = 0
        for each in self._waiting[:_MOST]:
            size += len(each.record)
            if count and (size > _LARGEST or each.at.date() != self._waiting[0].at.date()):
                break
            count += 1
        batch = self._waiting[:count]
        del self._waiting[:count]
        return batch


def _tell(batch: Sequence[_PendingRecord], key: str) -> None:
    start = 0
    for each in batch:
        end = start + len(each.record)
        if not each.shelved.done():
            each.shelved.set_result(f"{key}#{start}-{end}")
        start = end


async def read_record(store: Store, key: str) -> bytes:
    """Read a record back. Raises ``NotFound`` and ``StorageError``."""
    place, _, span = key.partition("#")
    start, _, end = span.partition("-")
    if not (start.isdigit() and end.isdigit()):
        raise NotFound(f"There is no record {key!r}.")
    return await store.read_range(place, int(start), int(end))
