"""Destination of an export: a folder of this machine or a bucket, below what the operator has allowed."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

from models.errors import NotFound, SettingsError
from models.settings import Settings
from worker.exports.names import safe_component
from worker.services import open_configured_store
from worker.storage.store import Store
from worker.storage.store_errors import translating_errors


class Destination(Protocol):
    """Writes files under relative paths. A failure is a ``StorageError``."""

    async def read(self, file: str) -> bytes | None:
        """Return a file; ``None``: there is none."""

    async def size_of(self, file: str) -> int | None:
        """Return the size of a file; ``None``: there is none."""

    async def write(self, file: str, source: bytes | Path, content_type: str) -> None:
        """Write a file atomically; one that is there is replaced."""


class FolderDestination:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read(self, file: str) -> bytes | None:
        """Return a file."""
        with translating_errors(f"read {file}", str(self._root)):
            path = self._path(file)
            return await asyncio.to_thread(path.read_bytes) if path.is_file() else None

    async def size_of(self, file: str) -> int | None:
        """Return the size of a file."""
        with translating_errors(f"look up {file}", str(self._root)):
            path = self._path(file)
            return path.stat().st_size if path.is_file() else None

    async def write(self, file: str, source: bytes | Path, content_type: str) -> None:
        """Write a file."""
        with translating_errors(f"write {file}", str(self._root)):
            await asyncio.to_thread(_write, self._path(file), source)

    def _path(self, file: str) -> Path:
        """Return a path that is below the root, also where a link leads elsewhere."""
        path = self._root / file
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise ValueError(f"{file!r} leads out of the folder")
        return path


class BucketDestination:
    """A prefix of an object store."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    async def read(self, file: str) -> bytes | None:
        """Return a file."""
        try:
            return await self._store.get(self._prefix + file)
        except NotFound:
            return None

    async def size_of(self, file: str) -> int | None:
        """Return the size of a file."""
        stat = await self._store.head(self._prefix + file)
        return stat.size if stat else None

    async def write(self, file: str, source: bytes | Path, content_type: str) -> None:
        """Write a file."""
        await self._store.put(self._prefix + file, source, content_type=content_type)


def folder_of(caller_id: UUID, caller_name: str, folders: Sequence[str]) -> str:
    """Return the folder of an export below the operator's URL; callers of one name have different ones."""
    return "/".join([f"{safe_component(caller_name)}-{caller_id.hex[-8:]}", *map(safe_component, folders)])


def open_destination(settings: Settings, folder: str) -> Destination:
    """Open a folder below ``DARKROOM_EXPORT_URL``. Raises ``SettingsError``, and ``StorageError``."""
    url = settings.export_url
    if url is None:
        raise SettingsError(["DARKROOM_EXPORT_URL is not set: this installation exports to no folder"])
    if url.startswith("file:"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise SettingsError(["DARKROOM_EXPORT_URL of a folder needs three slashes: file:///srv/exports"])
        return FolderDestination(Path(unquote(parts.path)) / folder)
    return BucketDestination(open_configured_store(settings, url), f"{folder}/")


def _write(path: Path, source: bytes | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if isinstance(source, Path):
            shutil.copyfile(source, staged)
        else:
            staged.write_bytes(source)
        os.replace(staged, path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
