"""The local folder backend: atomic writes under valid keys."""

import os
from pathlib import Path

import pytest

from worker.storage.local_files import LocalFiles


def stage(root: Path) -> list[Path]:
    return list((root / ".part").iterdir())


def test_bytes_and_files_are_written_under_their_key(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    files = LocalFiles(tmp_path / "store")
    files.put("ab/cd/a.png", b"bytes")
    files.put("ab/cd/b.png", source)
    assert (tmp_path / "store/ab/cd/a.png").read_bytes() == b"bytes"
    assert (tmp_path / "store/ab/cd/b.png").read_bytes() == b"from a file"
    assert stage(tmp_path / "store") == []


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", "a/", "a b", ".part/../../a"])
def test_an_invalid_key_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        LocalFiles(tmp_path).put(key, b"x")


def test_a_file_of_the_same_size_is_not_written_again_if_its_key_has_the_hash_of_its_content(
    tmp_path: Path,
) -> None:
    files, key = LocalFiles(tmp_path), f"ab/cd/{'a' * 64}.png"
    files.put(key, b"first")
    files.put(key, b"other")
    assert (tmp_path / key).read_bytes() == b"first"
    files.put(key, b"longer than before")
    assert (tmp_path / key).read_bytes() == b"longer than before"
    files.put("answers/1.jsonl.gz", b"first")
    files.put("answers/1.jsonl.gz", b"other")
    assert (tmp_path / "answers/1.jsonl.gz").read_bytes() == b"other"


def test_a_failed_move_leaves_no_staged_file(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError):
        files.put("a.png", b"x")
    assert stage(tmp_path) == []


def test_a_repeated_put_renews_the_age_of_a_file(tmp_path: Path) -> None:
    folder = LocalFiles(tmp_path)
    folder.put("ab/cd/one.png", b"picture")
    os.utime(tmp_path / "ab/cd/one.png", (1, 1))
    folder.put("ab/cd/one.png", b"picture")
    assert not folder.delete_older("ab/cd/one.png", before=2)
    assert (tmp_path / "ab/cd/one.png").read_bytes() == b"picture"


def test_a_put_between_the_look_and_the_deletion_keeps_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, target = LocalFiles(tmp_path), tmp_path / "ab/cd/one.png"
    folder.put("ab/cd/one.png", b"picture")
    os.utime(target, (1, 1))
    rename = Path.rename

    def put_before_rename(path: Path, to: Path) -> Path:
        folder.put("ab/cd/one.png", b"picture")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", put_before_rename)
    assert not folder.delete_older("ab/cd/one.png", before=2)
    assert target.read_bytes() == b"picture"
