"""What killed processes left in the folder for temporary files."""

import os
import subprocess
import sys
from pathlib import Path

from models.clock import now
from worker.storage.temp_files import close_temp_folder, open_temp_folder, remove_stale_files

DAYS_AGO = now().timestamp() - 90_000


def left(folder: Path, name: str, *, at: float = DAYS_AGO) -> Path:
    path = folder / name
    path.write_text("half a picture")
    os.utime(path, (at, at))
    os.utime(folder, (at, at))
    return path


def test_downloads_of_processes_that_were_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    code = "import sys, pathlib; from worker.storage import temp_files as t; "
    code += "print(t.open_temp_folder(pathlib.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    dead = Path(done.stdout.strip())
    left(dead, "a.part", at=now().timestamp())
    assert dead.is_dir()
    open_temp_folder(tmp_path)
    assert not dead.exists()


def test_downloads_without_a_lock_are_removed_after_a_day(tmp_path: Path) -> None:
    of_earlier_version = tmp_path / "darkroom-downloads-1"
    of_earlier_version.mkdir()
    left(of_earlier_version, "a.part")
    open_temp_folder(tmp_path)
    assert not of_earlier_version.exists()


def test_a_folder_is_gone_once_it_is_closed(tmp_path: Path) -> None:
    mine = open_temp_folder(tmp_path)
    left(mine, "a.part")
    close_temp_folder(mine)
    assert list(tmp_path.iterdir()) == []


def test_what_may_still_be_under_way_stays(tmp_path: Path) -> None:
    busy = open_temp_folder(tmp_path)
    old, young = left(busy, "old.part"), left(busy, "young.part", at=now().timestamp())
    mine = open_temp_folder(tmp_path)
    assert (old.exists(), young.exists(), mine.is_dir()) == (False, True, True)
    assert mine != busy


def test_nothing_of_anybody_else_is_touched(tmp_path: Path) -> None:
    stranger, linked = tmp_path / "darkroom-data", tmp_path / "elsewhere"
    for folder in (stranger, linked):
        folder.mkdir()
        left(folder, "a.part")
    (tmp_path / "darkroom-downloads-link").symlink_to(linked)
    mine = open_temp_folder(tmp_path)
    notes = left(mine, "notes.txt")
    os.symlink(notes, mine / "link.part")
    open_temp_folder(tmp_path)
    remove_stale_files(tmp_path / "missing")
    assert all(path.exists() for path in (stranger / "a.part", linked / "a.part", notes, mine / "link.part"))
