"""A folder that pictures are written into: each is there whole, also after a power cut, or not at all."""

import os
import re
import secrets
import shutil
from pathlib import Path

from worker.images.limits import MIB
from worker.storage.temp_files import remove_stale_files

_KEY = re.compile(r"(?:\.?\w[\w.-]*/)*\w[\w.-]*", re.ASCII)  # no empty part, and none that leads up
_STAGE = ".part"  # below the folder, so that moving out of it is a rename


class LocalFiles:
    """Writes files under keys such as ``ab/cd/abcd….png``. All of it blocks.

    Errors are ``OSError``, and ``ValueError`` for what can't be a key.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._stage = root, root / _STAGE
        self._stage.mkdir(parents=True, exist_ok=True)
        remove_stale_files(self._stage)

    def put(self, key: str, source: bytes | Path) -> None:
        """Write a file, unless one of this key and size is there: keys name their content."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key[:200]!r} is no key")
        target = self._root / key
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        try:
            if target.stat().st_size == size:
                return
        except FileNotFoundError:
            pass
        staged = self._stage / f"{secrets.token_hex(16)}.part"
        try:
            _write(staged, source)
            _move(staged, target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise


def _write(path: Path, source: bytes | Path) -> None:
    """Write and wait until the disk has it: else a power cut may leave a whole name on half a file."""
    with path.open("xb", buffering=0) as file:
        if isinstance(source, Path):
            with source.open("rb") as given:
                shutil.copyfileobj(given, file, MIB)
        else:
            view = memoryview(source)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())


def _move(staged: Path, target: Path) -> None:
    try:
        staged.replace(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
