"""Record log: many small records in few objects of the object store.

Records that come while one object is written go into the next, so a record costs an object, and a wait for
the disk, of its own only if no other comes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.errors import NotFound
from models.ids import new_id
from worker.process.log_context import create_detached_task
from worker.storage.store import Store

_MOST_RECORDS = 256  # in one object
_LARGEST = 8 * 2**20  # bytes of one object, unless a single record is larger


@dataclass(frozen=True, slots=True)
class _PendingRecord:
    record: bytes
    at: datetime
    written: "asyncio.Future[str]"  #: its key


class RecordLog:
    """Writes gzipped records, concatenated: such an object is valid gzip, too. For one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_PendingRecord] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, record: bytes, at: datetime) -> str:
        """Store a record and return its key, ``OBJECT#START-END``. Raises ``StorageError``."""
        written: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(_PendingRecord(record, at, written))
        if self._task is None or self._task.done():
            self._task = create_detached_task(self._write(), name="record log")
        return await written

    async def _write(self) -> None:
        while self._waiting:
            batch = self._take()
            key = f"answers/{batch[0].at:%Y/%m/%d}/{new_id()}.jsonl.gz"
            content = b"".join(each.record for each in batch)
            try:
                await self._store.put(key, content, content_type="application/gzip")
            except Exception as error:  # noqa: BLE001 - raised by ``put`` of each record
                for each in batch:
                    if not each.written.done():
                        each.written.set_exception(error)
                continue
            start = 0
            for each in batch:
                end = start + len(each.record)
                if not each.written.done():
                    each.written.set_result(f"{key}#{start}-{end}")
                start = end

    def _take(self) -> Sequence[_PendingRecord]:
        """Remove and return the next records that go into one object: those of one day, up to the limits."""
        size = count = 0
        for each in self._waiting[:_MOST_RECORDS]:
            size += len(each.record)
            if count and (size > _LARGEST or each.at.date() != self._waiting[0].at.date()):
                break
            count += 1
        batch = self._waiting[:count]
        del self._waiting[:count]
        return batch


async def read_record(store: Store, key: str) -> bytes:
    """Read a record back. Raises ``NotFound`` and ``StorageError``."""
    place, _, span = key.partition("#")
    start, _, end = span.partition("-")
    if not (start.isdigit() and end.isdigit()):
        raise NotFound(f"There is no record {key!r}.")
    return await store.read_range(place, int(start), int(end))
