"""A lock file proves that a worker's process has ended, and never that of a living one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.ids import new_id
from worker.maintenance.process_locks import ProcessLocks, lock_folder

HOLD = """
import sys, uuid
from pathlib import Path
from worker.maintenance.process_locks import ProcessLocks
locks = ProcessLocks(Path(sys.argv[1]))
locks.hold(uuid.UUID(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_counts_as_ended_once_it_was_killed_and_not_before(tmp_path: Path) -> None:
    worker_id, here = new_id(), ProcessLocks(tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), str(worker_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert list(here.ended()) == []
        other.kill()
        other.wait()
    assert list(here.ended()) == [worker_id]
    here.forget(worker_id)
    assert list(here.ended()) == []


def test_a_worker_never_finds_itself_and_leaves_no_file(tmp_path: Path) -> None:
    worker_id, locks = new_id(), ProcessLocks(tmp_path / "locks")
    locks.hold(worker_id)
    assert list(locks.ended()) == []
    assert list(ProcessLocks(tmp_path / "locks").ended()) == []
    locks.release(worker_id)
    assert list((tmp_path / "locks").iterdir()) == []


def test_without_a_folder_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    locks = ProcessLocks(tmp_path / "file")
    locks.hold(new_id())
    assert list(locks.ended()) == []
    assert list(ProcessLocks(tmp_path / "nowhere").ended()) == []


def test_other_files_and_links_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "readme.worker").touch()
    (tmp_path / "target").touch()
    (tmp_path / f"{new_id()}.worker").symlink_to(tmp_path / "target")
    assert list(ProcessLocks(tmp_path).ended()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{new_id()}.worker").touch()
    os.chown(tmp_path, 12345, 12345)
    assert list(ProcessLocks(tmp_path).ended()) == []


def test_each_database_has_a_folder_of_its_own(tmp_path: Path) -> None:
    urls = [
        f"sqlite+aiosqlite:///{tmp_path}/a.db",
        f"sqlite+aiosqlite:///{tmp_path}/b.db",
        "postgresql+psycopg://u:p@one/darkroom",
        "postgresql+psycopg://u:p@two/darkroom",
    ]
    assert len({lock_folder(url) for url in urls}) == 4
    assert lock_folder(urls[0]).parent == tmp_path
    assert lock_folder(urls[2]) == lock_folder("postgresql+psycopg://u:another@one/darkroom")
