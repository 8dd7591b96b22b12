"""What killed processes left behind: unfinished files that nobody works on any more."""

import contextlib
import os
import tempfile
from pathlib import Path

from models.clock import now

_OLD = 86_400.0  #: seconds; no download or write takes nearly as long
_PREFIX = "darkroom-downloads-"


def remove_stale_files(folder: Path) -> None:
    """Remove unfinished files (``.part``) that are older than a day. What can't be removed stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".part") and entry.is_file(follow_symlinks=False) and _is_old(entry):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def open_temp_folder(within: Path | None = None) -> Path:
    """Make this process's folder for downloads under way, and tidy up after processes that were killed.

    ``within`` is the place of all such folders: by default, the system's own for temporary files.
    """
    place = within or Path(tempfile.gettempdir())
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                old = _is_old(entry)
                remove_stale_files(Path(entry.path))
                if old:
                    with contextlib.suppress(OSError):  # somebody's files are still in it
                        os.rmdir(entry.path)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))


def _is_old(entry: "os.DirEntry[str]") -> bool:
    with contextlib.suppress(OSError):
        return now().timestamp() - entry.stat(follow_symlinks=False).st_mtime > _OLD
    return False
