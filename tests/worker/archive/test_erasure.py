"""Archived responses are erased one by one, although many share an object."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from worker.archive.erasure import erase_records
from worker.archive.format import ArchivedResponse, dump, load
from worker.archive.record_log import RecordLog, read_record
from worker.storage.store import open_store


@pytest.mark.parametrize("place", ["memory://", "file://{}/pictures"], ids=["memory", "folder"])
async def test_a_record_is_erased_with_its_blobs_and_the_others_of_its_object_stay(
    place: str, tmp_path: Path
) -> None:
    store = open_store(place.format(tmp_path))
    log, at = RecordLog(store), datetime(2026, 1, 1, tzinfo=UTC)
    blob = "answers/blobs/ab/abcd"
    await store.put(blob, b"picture", content_type="application/octet-stream")
    records = [
        dump(ArchivedResponse({"job": name}, f"the answer {name}".encode(), blobs=blobs))
        for name, blobs in (("one", {"abcd": blob}), ("two", {}))
    ]
    puts = await asyncio.gather(*(log.put(record, at) for record in records))
    assert await erase_records(store, [puts[0]]) == 1
    with pytest.raises(ValueError, match="no kept answer"):
        load(await read_record(store, puts[0]))
    assert load(await read_record(store, puts[1])).body == b"the answer two"
    assert await store.head(blob) is None


async def test_an_object_without_any_record_left_is_deleted() -> None:
    store = open_store("memory://")
    key = await RecordLog(store).put(dump(ArchivedResponse({}, b"x")), datetime(2026, 1, 1, tzinfo=UTC))
    assert await erase_records(store, [key]) == 1
    assert await store.head(key.partition("#")[0]) is None
    assert await erase_records(store, [key, "no key", "a#b-c"]) == 0
