"""Local folder backend: writes each file atomically and durably (fsync, then rename)."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from worker.images.limits import MIB
from worker.storage.temp_files import remove_stale_files

_KEY = re.compile(r"(?:\.?\w[\w.-]*/)*\w[\w.-]*", re.ASCII)  # no empty segment and no ".."
_HASH = re.compile(r"/[0-9a-f]{64}[./]|/[0-9a-f]{64}$")  # SHA-256: of such a key, the content never changes
_STAGE = ".part"  # on the same file system as the targets, so that a move is a rename


def is_key(key: str) -> bool:
    """Return whether a key can be the path of a file below a folder."""
    return _KEY.fullmatch(key) is not None


class LocalFiles:
    """Writes files under keys such as ``ab/cd/abcd….png``. All calls block.

    Errors are ``OSError``, and ``ValueError`` for an invalid key.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._stage = root, root / _STAGE
        self._root_name, self._stage_name = str(self._root), str(self._stage)
        self._stage.mkdir(parents=True, exist_ok=True)
        remove_stale_files(self._stage)

    def put(self, key: str, source: bytes | Path) -> None:
        """Write a file. One of this size whose key has its content's hash gets a new age only."""
        for _ in self.put_in_steps(key, source):
            pass

    def put_in_steps(self, key: str, source: bytes | Path) -> Iterator[None]:
        """Write a file as ``put``; yield once it is written, and once it is durable.

        Of files that are put step by step together, the first fsync writes the file system's journal for all.
        """
        if not is_key(key):
            raise ValueError(f"{key[:200]!r} is no key")
        target = f"{self._root_name}/{key}"  # a string: pathlib costs more than a small file
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        try:
            if os.stat(target).st_size == size and _HASH.search(key):
                os.utime(target)
                return
        except FileNotFoundError:
            pass
        staged = f"{self._stage_name}/{secrets.token_hex(16)}.part"
        try:
            descriptor = _write(staged, source)
            try:
                yield
                os.fsync(descriptor)  # without it, a power cut may leave the final name on a partial file
            finally:
                os.close(descriptor)
            yield
            try:
                os.replace(staged, target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(staged, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(staged)
            raise

    def free_bytes(self) -> int:
        """Return how many bytes this user may still write."""
        return shutil.disk_usage(self._root).free

    def list_files(self, prefix: str, after: str, limit: int) -> list[tuple[str, int, datetime]]:
        """Return key, size and age of the first files below a folder, by key, after the key ``after``."""
        return list(islice(self._walk(prefix, after), limit))

    def delete_older(self, key: str, before: float) -> bool:
        """Delete a file unless it was put at or after ``before`` (a timestamp); return whether it did.

        It is moved aside first: an earlier put is seen by the file's age, a later one makes a new file.
        """
        target, aside = self._root / key, self._stage / f"{secrets.token_hex(16)}.part"
        try:
            if target.stat().st_mtime >= before:
                return False
            target.rename(aside)
        except FileNotFoundError:
            return False
        renewed = aside.stat().st_mtime >= before
        if renewed:
            with suppress(FileExistsError):
                os.link(aside, target)
        aside.unlink()
        return not renewed

    def _walk(self, prefix: str, after: str) -> Iterator[tuple[str, int, datetime]]:
        try:
            with os.scandir(self._root / prefix) as found:
                entries = sorted(
                    (f"{prefix}{each.name}{'/' if each.is_dir() else ''}", each) for each in found
                )
        except FileNotFoundError:
            return
        for key, entry in entries:
            if key.endswith("/"):
                if key >= after[: len(key)]:
                    yield from self._walk(key, after)
            elif key > after:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    stat = entry.stat()
                    yield key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)


def _write(path: str, source: bytes | Path) -> int:
    """Write a new file; return its descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        if isinstance(source, Path):
            with open(descriptor, "wb", buffering=0, closefd=False) as file, source.open("rb") as given:
                shutil.copyfileobj(given, file, MIB)
        else:
            view = memoryview(source)
            while view:
                view = view[os.write(descriptor, view) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
