"""Files of a store are copied once, checked by their hash, and put back."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from worker.asset_store import content_key
from worker.backup.file_copies import copy_files, put_files
from worker.backup.manifest import FILE_LIST, FILES, read_files
from worker.storage.store import open_store

PICTURE = content_key(sha256(b"picture").hexdigest(), "png")
ANSWERS = "answers/2026/01/02/a.jsonl.gz"


@pytest.mark.parametrize("place", ["memory://", "file://{}/pictures"], ids=["memory", "folder"])
async def test_only_new_and_changed_files_are_copied_and_what_was_erased_does_not_live_on(
    place: str, tmp_path: Path
) -> None:
    store, folder = open_store(place.format(tmp_path)), tmp_path / "backup"
    await store.put(PICTURE, b"picture", content_type="image/png")
    await store.put(ANSWERS, b"one answer", content_type="application/gzip")
    await store.check()
    first = await copy_files(store, folder)
    assert (first.files, first.bytes, first.copied, first.removed) == (2, 17, 2, 0)
    assert (folder / FILES / PICTURE).read_bytes() == b"picture"
    assert (await copy_files(store, folder)).copied == 0

    (folder / FILES / ANSWERS).unlink()
    assert (await copy_files(store, folder)).copied == 1
    await store.delete(PICTURE)
    last = await copy_files(store, folder)
    assert (last.files, last.copied, last.removed) == (1, 0, 1)
    assert not (folder / FILES / PICTURE).exists()
    assert [record.key for record in read_files(folder)] == [ANSWERS]


async def test_files_are_put_back_once_and_lost_or_damaged_copies_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    store = open_store("memory://")
    keys = [content_key(sha256(name).hexdigest(), "png") for name in (b"a", b"b", b"c")]
    for key, content in zip(keys, (b"a", b"b", b"c"), strict=True):
        await store.put(key, content, content_type="image/png")
    await copy_files(store, folder)
    (folder / FILES / keys[0]).write_bytes(b"x")
    (folder / FILES / keys[1]).unlink()

    other = open_store("memory://")
    report = await put_files(other, folder)
    assert (report.files, report.copied, report.damaged, report.gone) == (3, 1, [keys[0]], [keys[1]])
    assert await other.get(keys[2]) == b"c"
    assert await other.head(keys[0]) is None
    assert (await put_files(other, folder)).copied == 0


async def test_a_list_with_a_key_outside_the_folder_or_a_damaged_line_is_refused(tmp_path: Path) -> None:
    record = {"key": "../../etc/passwd", "size": 1, "sha256": "", "modified": ""}
    for line, words in ((json.dumps(record), "is no key"), ("{", "line 1 of")):
        (tmp_path / FILE_LIST).write_text(f"{line}\n")
        with pytest.raises(ValueError, match=words):
            await put_files(open_store("memory://"), tmp_path)
