"""Locks that prove whether a worker's process on this machine has ended, in a file for each.

A worker holds the lock of its file from its start on (flock(2)). The kernel releases it when the process
ends, however it ends, and not before: a file whose lock can be taken belongs to a dead process. A missing
file proves nothing.
"""

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy.engine import make_url

_SUFFIX = ".worker"
_log = structlog.get_logger()


def lock_folder(database_url: str) -> Path:
    """Return the folder of an installation's locks: beside its SQLite file, else in the temporary folder."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        file = Path(url.database).absolute()
        return file.with_name(f"workers-of-{file.name}")
    place = hashlib.sha256(f"{url.host} {url.port} {url.database} {sorted(url.query)}".encode()).hexdigest()
    return Path(tempfile.gettempdir()) / f"darkroom-workers-{os.getuid()}-{place[:16]}"


class ProcessLocks:
    """The lock of this process, and those of others that were on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._held = folder, dict[UUID, int]()

    def hold(self, worker_id: UUID) -> None:
        """Take this worker's lock for as long as the process lives.

        Where the folder can't be used, it is logged: if the worker is killed, its heartbeat must run out.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_own():
                raise PermissionError(f"{self._folder} belongs to another user")
            path = self._path(worker_id)
            new = path.with_suffix(".new")  # it has its name, by which others find it, only with its lock
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(path)
        except OSError as error:
            _log.warning("the worker's lock file can't be used", error=str(error))
            return
        self._held[worker_id] = file

    def release(self, worker_id: UUID) -> None:
        """Delete this worker's file, and release its lock."""
        if (file := self._held.pop(worker_id, None)) is not None:
            self.forget(worker_id)
            os.close(file)

    def ended(self) -> Iterator[UUID]:
        """Yield the ids of workers whose process has provably ended."""
        if not self._is_own():
            return
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(ValueError, OSError):
                worker_id = UUID(path.name.removesuffix(_SUFFIX))
                if worker_id not in self._held and _is_free(path):
                    yield worker_id

    def forget(self, worker_id: UUID) -> None:
        """Delete the file of a worker that has been reaped."""
        self._path(worker_id).unlink(missing_ok=True)

    def _is_own(self) -> bool:
        """Return whether the folder is there and nobody else could have put files into it."""
        try:
            found = self._folder.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()

    def _path(self, worker_id: UUID) -> Path:
        return self._folder / f"{worker_id}{_SUFFIX}"


def _is_free(path: Path) -> bool:
    """Return whether nothing holds the lock of a file."""
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
