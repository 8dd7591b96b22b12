"""Temporary files: create this process's folder, and remove files of crashed processes."""

import contextlib
import os
import tempfile
from pathlib import Path

from models.clock import now

_OLD = 86_400.0  #: seconds; far longer than any download or write
_PREFIX = "darkroom-downloads-"


def remove_stale_files(folder: Path) -> None:
    """Remove ``.part`` files older than a day. Files that can't be removed are skipped."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".part") and entry.is_file(follow_symlinks=False) and _is_old(entry):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def open_temp_folder(within: Path | None = None) -> Path:
    """Create this process's folder for unfinished downloads, and clean up after crashed processes.

    ``within`` is the parent of all such folders; by default the system's temporary folder.
    """
    parent = within or Path(tempfile.gettempdir())
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                old = _is_old(entry)
                remove_stale_files(Path(entry.path))
                if old:
                    with contextlib.suppress(OSError):  # it is not empty
                        os.rmdir(entry.path)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))


def _is_old(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):
        return now().timestamp() - entry.stat(follow_symlinks=False).st_mtime > _OLD
    return False
