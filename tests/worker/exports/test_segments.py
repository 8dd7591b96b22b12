"""Segments: any range of a content is that part of its bytes."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.exports.segments import SegmentWriter, StoredSpan, read_content
from worker.storage.store import Store, open_store

OBJECT = bytes(range(256)) * 3
PARTS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.just(b"x" * 70_000),
        st.tuples(st.integers(0, 768), st.integers(0, 768)).map(
            lambda ends: StoredSpan("a.bin", *sorted(ends))
        ),
    ),
    max_size=12,
)


async def read(store: Store, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in read_content(store, "index", start, end)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(PARTS, st.data())
async def test_any_range_is_that_part_of_the_bytes(
    tmp_path: Path, parts: list[bytes | StoredSpan], draw: st.DataObject
) -> None:
    store = open_store("memory://")
    await store.put("a.bin", OBJECT, content_type="x/y")
    with SegmentWriter(tmp_path / "index") as writer:
        for part in parts:
            writer.add(part)
    await store.put("index", (tmp_path / "index").read_bytes(), content_type="x/y")
    whole = b"".join(
        OBJECT[each.start : each.end] if isinstance(each, StoredSpan) else each for each in parts
    )
    assert writer.size == len(whole)
    start = draw.draw(st.integers(0, len(whole)))
    end = draw.draw(st.integers(start, len(whole)))
    assert await read(store, start, end) == whole[start:end]
    assert await read(store, 0, len(whole)) == whole
