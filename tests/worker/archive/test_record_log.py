"""Small records share objects, and each is read back by itself."""

import asyncio
import gzip
from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import NotFound, StorageError
from worker.archive.record_log import RecordLog, read_record
from worker.storage.store import open_store

DAY = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


async def test_records_that_come_together_share_an_object_and_are_read_one_by_one() -> None:
    store = open_store("memory://")
    record_log, records = RecordLog(store), [gzip.compress(b"%d\n" % number) for number in range(300)]
    keys = await asyncio.gather(*(record_log.put(record, DAY) for record in records))
    objects = list(dict.fromkeys(key.partition("#")[0] for key in keys))
    assert len(objects) == 2
    assert all(place.startswith("answers/2026/01/31/") for place in objects)
    assert [await read_record(store, key) for key in keys] == records
    whole = b"".join([gzip.decompress(await store.get(place)) for place in objects])
    assert whole == b"".join(b"%d\n" % number for number in range(300))


async def test_a_new_day_begins_a_new_object() -> None:
    record_log = RecordLog(open_store("memory://"))
    keys = await asyncio.gather(record_log.put(b"a", DAY), record_log.put(b"b", DAY.replace(month=2, day=1)))
    assert [key.split("/")[2] for key in keys] == ["01", "02"]


class Broken:
    async def put(self, *_: Any, **__: Any) -> None:
        raise StorageError("the disk is full")


async def test_each_caller_whose_record_was_not_stored_gets_the_error() -> None:
    record_log = RecordLog(Broken())  # type: ignore[arg-type]  # only put is called
    outcomes = await asyncio.gather(*(record_log.put(b"a", DAY) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3


@pytest.mark.parametrize("key", ["", "a", "a#", "a#1", "a#x-y", "a#0-5"])
async def test_what_is_not_there_is_not_found(key: str) -> None:
    with pytest.raises(NotFound):
        await read_record(open_store("memory://"), key)
