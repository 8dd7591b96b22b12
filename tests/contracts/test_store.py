"""Contract of the stores: memory, local folder, S3, and a plug-in."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.errors import NotFound, StorageError
from tests.support.s3 import S3, serve_s3
from worker.storage.store import Store, open_store

KEY = "ab/cd/abcdef.png"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with serve_s3() as server:
        yield server


@pytest.fixture(params=["memory", "folder", "s3", "plug-in"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "memory":
        return open_store("memory://")
    if request.param == "folder":
        return open_store(f"file://{tmp_path}/pictures of mine")
    if request.param == "plug-in":
        monkeypatch.syspath_prepend(Path(__file__).parent.parent / "support" / "example_plugins")
        return open_store(f"example://{tmp_path.name}")
    server: S3 = request.getfixturevalue("s3")
    return open_store(f"{server.url}/{tmp_path.name}", options=server.options)


async def collect(store: Store, *span: int) -> list[bytes]:
    return [chunk async for chunk in store.stream(KEY, *span)]


async def test_what_was_put_can_be_read_back(store: Store) -> None:
    await store.put(KEY, b"picture", content_type="image/png")
    assert await store.get(KEY) == b"picture"
    assert type(await store.get(KEY)) is bytes


async def test_a_file_can_be_put_and_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source.part"
    source.write_bytes(bytes(range(256)) * 30_000)
    await store.put(KEY, source, content_type="image/png")
    assert await store.get(KEY) == source.read_bytes()


async def test_putting_twice_changes_nothing(store: Store) -> None:
    for _ in range(2):
        await store.put(KEY, b"picture", content_type="image/png")
    assert await store.get(KEY) == b"picture"


async def test_many_may_put_the_same_key_at_once(store: Store) -> None:
    content = bytes(100_000)
    await asyncio.gather(*(store.put(KEY, content, content_type="image/png") for _ in range(8)))
    assert await store.get(KEY) == content


async def test_a_cut_off_object_is_replaced_by_a_whole_one(store: Store) -> None:
    await store.put(KEY, b"pic", content_type="image/png")
    await store.put(KEY, b"picture", content_type="image/png")
    assert await store.get(KEY) == b"picture"


async def test_an_empty_object_is_an_object(store: Store) -> None:
    await store.put(KEY, b"", content_type="image/png")
    assert await store.get(KEY) == b""
    assert b"".join(await collect(store)) == b""


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(0, 1, b"p"), (2, 5, b"ctu"), (3, 99, b"ture"), (3, 3, b""), (5, 2, b"")]
)
async def test_a_range_ends_before_its_end_and_with_the_object(
    store: Store, start: int, end: int, expected: bytes
) -> None:
    await store.put(KEY, b"picture", content_type="image/png")
    assert await store.read_range(KEY, start, end) == expected
    assert b"".join(await collect(store, start, end)) == expected


async def test_a_range_behind_the_end_is_an_error(store: Store) -> None:
    await store.put(KEY, b"picture", content_type="image/png")
    with pytest.raises(StorageError):
        await store.read_range(KEY, 99, 100)


async def test_a_stream_yields_everything_in_chunks(store: Store) -> None:
    content = bytes(range(256)) * 8_192
    await store.put(KEY, content, content_type="image/png")
    assert b"".join(await collect(store)) == content
    assert b"".join(await collect(store, 1_000_000)) == content[1_000_000:]
    assert all(len(chunk) <= 1_000_000 for chunk in await collect(store))


async def test_a_stream_may_be_left_early(store: Store) -> None:
    await store.put(KEY, bytes(3_000_000), content_type="image/png")
    stream = store.stream(KEY)
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # every stream here is a generator


async def test_head_returns_size_and_age_or_none(store: Store) -> None:
    assert await store.head(KEY) is None
    await store.put(KEY, b"picture", content_type="image/png")
    stat = await store.head(KEY)
    assert stat is not None
    assert stat.size == 7
    assert stat.modified.tzinfo is not None


async def test_reading_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.get(KEY)
    with pytest.raises(NotFound):
        await store.read_range(KEY, 0, 1)
    with pytest.raises(NotFound):
        await collect(store)


async def test_delete_removes_and_does_not_mind_if_nothing_is_there(store: Store) -> None:
    await store.put(KEY, b"picture", content_type="image/png")
    for _ in range(2):
        await store.delete(KEY)
    assert await store.head(KEY) is None


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "/a//b"])
async def test_no_key_leads_out_of_the_store(store: Store, key: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        await store.put(key, b"x", content_type="image/png")
    assert not (tmp_path / "outside").exists()


def test_check_passes_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    asyncio.run(store.check())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_files_are_listed_by_key_a_page_at_a_time(store: Store) -> None:
    keys = ["ab/aa/one.png", "ab/cd/abcdef.png", "ab/cd/abcdeg.png", "ac/00/two.png", "answers/three"]
    for key in reversed(keys):
        await store.put(key, key.encode(), content_type="image/png")
    first = await store.list_files("ab/", limit=2)
    rest = await store.list_files("ab/", after=first[-1].key, limit=2)
    assert [each.key for each in (*first, *rest)] == keys[:3]
    assert [each.size for each in first] == [13, 16]
    assert await store.list_files("ab/", after=keys[2], limit=2) == []
    assert await store.list_files("ff/", limit=2) == []


async def test_all_files_are_listed_from_the_root_a_page_at_a_time(store: Store) -> None:
    keys = [".databases/one", "ab/aa/one.png", "answers/2026/01/x.gz", "zz"]
    for key in keys:
        await store.put(key, b"x", content_type="image/png")
    found: list[str] = []
    while page := await store.list_files("", after=found[-1] if found else "", limit=3):
        found += [file.key for file in page]
    assert [key for key in found if not key.startswith(".part/")] == keys


async def test_a_file_is_deleted_only_if_it_is_older(store: Store) -> None:
    await store.put(KEY, b"picture", content_type="image/png")
    (file,) = await store.list_files("ab/", limit=9)
    assert not await store.delete_older(KEY, file.modified - timedelta(seconds=1))
    assert await store.get(KEY) == b"picture"
    assert await store.delete_older(KEY, file.modified + timedelta(seconds=1))
    assert await store.head(KEY) is None
    assert not await store.delete_older(KEY, file.modified + timedelta(seconds=1))
