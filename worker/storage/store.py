"""Store protocol and ``open_store(url)``: object storage on a folder, a bucket or memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

from models.addresses.database import shown_url
from models.errors import SettingsError, StorageError
from worker.plugins import STORES, load_plugin, plugin_names
from worker.storage.local_files import LocalFiles
from worker.storage.object_store import ObjectStore, Stat, StoredFile
from worker.storage.store_errors import translating_errors

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})

#: Callers retry by themselves, so an unavailable bucket is reported soon.
_RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}
_THREADS = 4  # that write into one folder
_MEMBERS = (  # of a Store
    *("put", "get", "read_range", "stream", "head", "delete"),
    *("list_files", "delete_older", "free_bytes", "check"),
)
_BUCKETS: Mapping[str, Any] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}


class Store(Protocol):
    """Object storage under keys such as ``ab/cd/abcd….png``. A failure is a ``StorageError``."""

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        """Write an object atomically. Repeating it is harmless, and renews its age."""

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raises ``NotFound``."""

    async def read_range(self, key: str, start: int, end: int) -> bytes:
        """Read from ``start`` (inclusive) to ``end`` (exclusive). Raises ``NotFound``."""

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes of a range in chunks. Raises ``NotFound``."""

    async def head(self, key: str) -> Stat | None:
        """Return an object's metadata; ``None`` if it does not exist."""

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""

    async def list_files(self, prefix: str, *, after: str = "", limit: int) -> Sequence[StoredFile]:
        """Return the first objects below a prefix whose key is greater than ``after``, by key."""

    async def delete_older(self, key: str, before: datetime) -> bool:
        """Delete an object unless it was put at or after ``before``; return whether it did."""

    def free_bytes(self) -> int | None:
        """Return how many bytes may still be written; ``None``: it is no folder."""

    async def check(self) -> None:
        """Write, read and delete a probe object. Raises ``StorageError`` with the fix."""


def open_store(
    url: str, *, options: Mapping[str, str] = NO_OPTIONS, threads: Executor | None = None
) -> Store:
    """Open ``file:///path``, ``s3://bucket/prefix``, ``gs://…``, ``az://container/…`` or ``memory://``.

    Any other scheme is that of a plug-in of the group ``darkroom.stores``: a function that takes the URL and
    returns a ``Store``.
    ``options`` go to the bucket's client: ``endpoint``, ``region``, ``access_key_id``, ``secret_access_key``,
    ``allow_http``, … ``threads`` write into folders (default: the store's own, since a stalled folder blocks
    them). Raises ``SettingsError`` for an invalid URL or option, ``StorageError`` if a folder can't be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return ObjectStore(MemoryStore(), place="memory")
    if parts.scheme == "file":
        return _open_folder(parts, threads)
    if parts.scheme in _BUCKETS and parts.netloc:
        return _open_bucket(parts, options)
    if parts.scheme and (plugin := load_plugin(STORES, parts.scheme)) is not None:
        return _open_plugin(plugin, parts.scheme, url)
    others = "".join(f", {name}://…" for name in plugin_names(STORES))
    raise SettingsError(
        [
            f"DARKROOM_STORAGE_URL can't be {shown_url(url)!r}: write file:///path, s3://bucket/prefix, "
            f"gs://… or az://…{others}"
        ]
    )


def _open_folder(parts: SplitResult, threads: Executor | None) -> ObjectStore:
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise SettingsError(
            ["DARKROOM_STORAGE_URL of a folder needs three slashes: file:///var/lib/darkroom"]
        )
    path = unquote(parts.path)
    with translating_errors("make the folder", path):
        backend = LocalStore(path, mkdir=True)
        folder = LocalFiles(Path(path))
    threads = threads or ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="storage")
    return ObjectStore(backend, place=f"the folder {path}", folder=folder, threads=threads)


def _open_plugin(plugin: Any, scheme: str, url: str) -> Store:
    try:
        store: Store = plugin(url)
    except (SettingsError, StorageError):
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise SettingsError(
            [f"The plug-in {scheme!r} of {STORES} can't open the storage: {words}"]
        ) from error
    if missing := [name for name in _MEMBERS if not callable(getattr(store, name, None))]:
        raise SettingsError(
            [f"The plug-in {scheme!r} of {STORES} returns no Store: it lacks {', '.join(missing)}."]
        )
    return store


def _open_bucket(parts: SplitResult, options: Mapping[str, str]) -> ObjectStore:
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"
    prefix = unquote(parts.path).strip("/") or None
    try:
        backend = _BUCKETS[parts.scheme](
            parts.netloc, prefix=prefix, config=dict(options), retry_config=dict(_RETRY)
        )
    except (BaseError, ValueError) as error:
        raise SettingsError(
            [f"The storage options don't fit {place}: {str(error).splitlines()[0]}"]
        ) from error
    return ObjectStore(backend, place=place)
