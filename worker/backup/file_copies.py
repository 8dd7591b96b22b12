"""Copies of the files of the object store, in a folder, with a list of them.

A further backup into the same folder copies only what is new or has changed, and removes what is gone from
the store: what was erased there must not live on in its backup.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.clock import rfc3339
from models.errors import NotFound
from worker.backup.database_copy import sha256_of
from worker.backup.manifest import FILE_LIST, FILES, FileRecord, read_files
from worker.storage.local_files import is_key
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

_PAGE = 1000
_AT_ONCE = 8
_PASSING = (".part/", ".check/")  # files that are being written, and probes
_TYPES: Mapping[str, str] = {
    ".gz": "application/gzip",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".zip": "application/zip",
}


@dataclass(slots=True)
class FileReport:
    """What was done with the files of a store."""

    files: int = 0
    bytes: int = 0
    copied: int = 0  #: of these, those that were not there before
    removed: int = 0  #: from the backup: they are gone from the store
    gone: list[str] = field(default_factory=list)  #: keys that were deleted meanwhile, or lack their copy
    damaged: list[str] = field(default_factory=list)  #: keys whose copy differs from its hash


async def copy_files(store: Store, folder: Path) -> FileReport:
    """Copy all files of a store into the folder of a backup. Raises ``StorageError``."""
    report, known = FileReport(), {record.key: record for record in read_files(folder)}
    root, staged = folder / FILES, folder / f"{FILE_LIST}.new"
    root.mkdir(parents=True, exist_ok=True)
    with staged.open("w") as lines:
        async for page in _pages(store):
            for start in range(0, len(page), _AT_ONCE):
                chunk = page[start : start + _AT_ONCE]
                copies = await asyncio.gather(
                    *(_copy(store, root, each, known.get(each.key)) for each in chunk)
                )
                for file, record in zip(chunk, copies, strict=True):
                    if record is None:
                        report.gone.append(file.key)
                        continue
                    report.files, report.bytes = report.files + 1, report.bytes + record.size
                    report.copied += record is not known.pop(file.key, None)
                    lines.write(record.line())
    staged.replace(folder / FILE_LIST)
    for key in known:
        (root / key).unlink(missing_ok=True)
        report.removed += 1
    return report


async def put_files(store: Store, folder: Path) -> FileReport:
    """Put the files of a backup into a store, each checked by its hash. Raises ``StorageError``.

    Those that are there with the same size are left, if they are named by their content.
    """
    report = FileReport()
    for record in _valid(read_files(folder)):
        path = folder / FILES / record.key
        stat = await store.head(record.key)
        report.files, report.bytes = report.files + 1, report.bytes + record.size
        if stat is not None and stat.size == record.size and record.sha256 in record.key:
            continue
        if not path.is_file():
            report.gone.append(record.key)
        elif await asyncio.to_thread(sha256_of, path) != record.sha256:
            report.damaged.append(record.key)
        else:
            await store.put(
                record.key, path, content_type=_TYPES.get(path.suffix, "application/octet-stream")
            )
            report.copied += 1
    return report


def _valid(records: Iterator[FileRecord]) -> Iterator[FileRecord]:
    for record in records:
        if not is_key(record.key):
            raise ValueError(f"{record.key[:200]!r} is no key of a file")
        yield record


async def _pages(store: Store) -> AsyncIterator[list[StoredFile]]:
    after = ""
    while page := await store.list_files("", after=after, limit=_PAGE):
        after = page[-1].key
        yield [file for file in page if is_key(file.key) and not file.key.startswith(_PASSING)]


async def _copy(store: Store, root: Path, file: StoredFile, known: FileRecord | None) -> FileRecord | None:
    """Copy one file, unless the backup has it; return its record, ``None`` if it is gone from the store."""
    target, modified = root / file.key, rfc3339(file.modified)
    same = known is not None and known.size == file.size
    unchanged = known is not None and (known.modified == modified or known.sha256 in known.key)
    if known is not None and same and unchanged and _size(target) == file.size:
        return known
    target.parent.mkdir(parents=True, exist_ok=True)
    staged, digest, size = target.with_name(f"{target.name}.copying"), hashlib.sha256(), 0
    try:
        with staged.open("wb") as out:
            async for chunk in store.stream(file.key):
                digest.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(out.write, chunk)
            out.flush()
            os.fsync(out.fileno())
    except NotFound:
        staged.unlink()
        return None
    staged.replace(target)
    return FileRecord(file.key, size, digest.hexdigest(), modified)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
