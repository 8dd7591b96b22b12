"""Temporary files: create this process's folder, and remove what killed processes left in theirs.

A process holds a lock (flock(2)) on a file in its folder for as long as it lives; see
``worker.maintenance.process_locks`` for what that proves.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from models.clock import now

_OLD = 86_400.0  #: seconds; far longer than any download or write
_PREFIX = "darkroom-downloads-"
_LOCK = ".lock"
_held: dict[Path, int] = {}  # the lock files of this process's folders


def remove_stale_files(folder: Path) -> None:
    """Remove ``.part`` files older than a day. Files that can't be removed are skipped."""
    _remove_parts(folder, only_old=True)


def open_temp_folder(within: Path | None = None) -> Path:
    """Create this process's folder for unfinished downloads, and clean up after killed processes.

    ``within`` is the parent of all such folders; by default the system's temporary folder.
    """
    parent = within or Path(tempfile.gettempdir())
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                _clean_up(entry)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    new = folder / f"{_LOCK}.new"  # it has its name, by which others find it, only with its lock
    file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    new.rename(folder / _LOCK)
    _held[folder] = file
    return folder


def close_temp_folder(folder: Path) -> None:
    """Delete this process's folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if (file := _held.pop(folder, None)) is not None:
        os.close(file)


def _clean_up(entry: "os.DirEntry[str]") -> None:
    """Remove the downloads of a process that has ended; of one that may live, those older than a day."""
    folder, old = Path(entry.path), _is_old(entry)
    ended = _has_ended(folder / _LOCK)
    _remove_parts(folder, only_old=not ended)
    if ended or old:
        with contextlib.suppress(OSError):  # others' files are in it, or it belongs to another user
            if ended:
                (folder / _LOCK).unlink()
            os.rmdir(folder)


def _has_ended(lock: Path) -> bool:
    """Return whether nothing holds the lock of a folder; one without a lock proves nothing."""
    try:
        file = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _remove_parts(folder: Path, *, only_old: bool) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".part") and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    if not only_old or _is_old(entry):
                        os.unlink(entry.path)


def _is_old(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):
        return now().timestamp() - entry.stat(follow_symlinks=False).st_mtime > _OLD
    return False
