"""Containers of an export: one ZIP, TAR shards within a ZIP, or files at a destination."""

import tarfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from worker.exports.cells import Value
from worker.exports.destination import Destination
from worker.exports.manifest import to_json
from worker.exports.names import UniqueNames
from worker.exports.picture import Content, Picture
from worker.exports.segments import Part, SegmentWriter, StoredSpan
from worker.exports.zip_format import ZipEntry, directory_entry, end_records, local_header
from worker.images.limits import MIB

SHARD_PICTURES, SHARD_BYTES = 1_000, 512 * MIB  #: of one shard at most
_END = bytes(2 * tarfile.BLOCKSIZE)


class Container(Protocol):
    """Takes the files of an export in order."""

    async def add_picture(self, file: str, picture: Picture, record: Mapping[str, Value]) -> bool:
        """Add a picture; return whether it is new or changed."""

    async def add_file(self, file: str, content: Content, path: Path) -> None:
        """Add a file that stands in the folder of the build, and is stored by ``content``."""


class ZipContainer:
    """A ZIP of stored files. ``directory``: where the entries of its end are collected."""

    def __init__(self, segments: SegmentWriter, directory: BinaryIO, at: datetime) -> None:
        self._segments, self._directory, self._at = segments, directory, at
        self._count = 0

    async def add_picture(self, file: str, picture: Picture, record: Mapping[str, Value]) -> bool:
        """Add a picture."""
        assert picture.content is not None
        self.add_content(file, picture.content)
        return True

    async def add_file(self, file: str, content: Content, path: Path) -> None:
        """Add a file."""
        self.add_content(file, content)

    def add_content(self, file: str, content: Content) -> None:
        """Add an entry."""
        entry = ZipEntry(file, content.size, content.crc32, self._segments.size)
        self._segments.add(local_header(entry, self._at))
        for part in content.parts:
            self._segments.add(part)
        self._directory.write(directory_entry(entry, self._at))
        self._count += 1

    def finish(self, directory_key: str) -> None:
        """Write the end; the collected entries are stored under this key."""
        start, size = self._segments.size, self._directory.tell()
        self._segments.add(StoredSpan(directory_key, 0, size))
        self._segments.add(end_records(self._count, start, size))


class ShardContainer:
    """WebDataset: TAR shards of pictures with a JSON file each, within a ZIP."""

    def __init__(self, archive: ZipContainer, at: datetime) -> None:
        self._archive, self._at = archive, at
        self._names = UniqueNames()
        self._parts: list[Part] = []
        self._size = self._crc32 = self._pictures = self._shards = 0

    async def add_picture(self, file: str, picture: Picture, record: Mapping[str, Value]) -> bool:
        """Add a picture; the part of its name before the first dot is its key in the shard."""
        assert picture.content is not None
        full = self._pictures >= SHARD_PICTURES or self._size + picture.content.size > SHARD_BYTES
        if full and self._pictures:
            self.flush()
        stem, _, extension = file.rpartition(".")
        stem = self._names.add(stem.replace(".", "_").split("/"))
        self._add(f"{stem}.{extension}", picture.content.parts, picture.data)
        described = to_json(record)
        self._add(f"{stem}.json", [described], [memoryview(described)])
        self._pictures += 1
        return True

    async def add_file(self, file: str, content: Content, path: Path) -> None:
        """Add a file beside the shards."""
        if self._pictures:
            self.flush()
        self._archive.add_content(file, content)

    def flush(self) -> None:
        """End the shard (POSIX pax: two blocks of zeros)."""
        self._append([_END], [memoryview(_END)])
        content = Content(self._parts, self._size, self._crc32, "")
        self._archive.add_content(f"shard-{self._shards:06}.tar", content)
        self._parts, self._size, self._crc32, self._pictures = [], 0, 0, 0
        self._shards += 1

    def _add(self, name: str, parts: Sequence[Part], data: Sequence[memoryview]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = sum(map(len, data)), int(self._at.timestamp()), 0o644
        header, padding = info.tobuf(tarfile.PAX_FORMAT), bytes(-info.size % tarfile.BLOCKSIZE)
        self._append([header, *parts, padding], [memoryview(header), *data, memoryview(padding)])

    def _append(self, parts: Sequence[Part], data: Sequence[memoryview]) -> None:
        self._parts += parts
        for each in data:
            self._crc32 = zlib.crc32(each, self._crc32)
            self._size += len(each)


class FolderContainer:
    """Files at a destination, of which only those are written that changed since the export before."""

    def __init__(self, destination: Destination, sums: Mapping[str, str]) -> None:
        self._destination, self._sums = destination, sums

    async def add_picture(self, file: str, picture: Picture, record: Mapping[str, Value]) -> bool:
        """Write a picture, unless the file there has its checksum and size."""
        content = picture.content
        assert content is not None
        same = self._sums.get(file) == content.sha256
        if same and await self._destination.size_of(file) == content.size:
            return False
        await self._destination.write(file, b"".join(picture.data), picture.asset.content_type)
        return True

    async def add_file(self, file: str, content: Content, path: Path) -> None:
        """Write a file."""
        await self._destination.write(file, path, "application/octet-stream")
