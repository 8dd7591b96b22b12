"""An example of a package with plug-ins: a preset, and a store that keeps objects in this process."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from models.errors import NotFound, StorageError
from worker.storage.object_store import Stat, StoredFile
from worker.upstream.presets.preset import Preset

PRESET = Preset("example", content_style="parts", size_style="size", n_style="n", max_images=2)

_places: dict[str, dict[str, tuple[bytes, datetime]]] = {}


class DictionaryStore:
    """Objects in a dictionary, one for each host of the URL: ``example://HOST``."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url).netloc
        if not place:
            raise ValueError("write example://NAME")
        self._objects = _places.setdefault(place, {})

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        """Write an object."""
        if key.startswith("/") or ".." in key.split("/"):
            raise StorageError(f"{key!r} is no key")
        try:
            content = source if isinstance(source, bytes) else source.read_bytes()  # noqa: ASYNC240
        except OSError as error:
            raise StorageError(f"{source} can't be read: {error.strerror}") from error
        self._objects[key] = content, datetime.now(UTC)

    async def get(self, key: str) -> bytes:
        """Read an object."""
        return self._content(key)

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        """Read a part of an object."""
        content = self._content(key)
        if start >= len(content) and end > start:
            raise StorageError(f"{key} has {len(content)} bytes")
        return content[start:end]

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield a part of an object."""
        content = self._content(key)[start:end]
        for at in range(0, len(content), 1 << 18):
            yield content[at : at + (1 << 18)]

    async def head(self, key: str) -> Stat | None:
        """Return what is known of an object."""
        found = self._objects.get(key)
        return None if found is None else Stat(len(found[0]), found[1], None)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        self._objects.pop(key, None)

    async def list_files(self, prefix: str, *, after: str = "", limit: int) -> Sequence[StoredFile]:
        """List objects below a prefix."""
        keys = sorted(key for key in self._objects if key.startswith(prefix) and key > after)[:limit]
        return [StoredFile(key, len(self._objects[key][0]), self._objects[key][1]) for key in keys]

    async def delete_older(self, key: str, before: datetime) -> bool:
        """Delete an object that was put before a time."""
        found = self._objects.get(key)
        if found is None or found[1] >= before:
            return False
        del self._objects[key]
        return True

    def free_bytes(self) -> int | None:
        """Tell nothing: it is no disk."""
        return None

    async def check(self) -> None:
        """Find nothing wrong."""

    def _content(self, key: str) -> bytes:
        try:
            return self._objects[key][0]
        except KeyError:
            raise NotFound(f"There is no {key}.") from None


def broken(_: str) -> object:
    """Return something that is no store."""
    return object()
