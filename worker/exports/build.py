"""Build of an export: freezes its items, reads each picture once, and writes what its content consists of."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from models.campaigns.export_options import ExportFormat, ExportOptions
from models.database import Database
from models.ids import public_id
from models.queries.campaigns.export_items import ExportedItem, list_exported, list_variables
from worker.exports.cells import Value
from worker.exports.containers import Container, FolderContainer, ShardContainer, ZipContainer
from worker.exports.destination import Destination
from worker.exports.manifest import NAMES, SHEET, SUMS, Manifest, json_value, parse_sums
from worker.exports.names import UniqueNames
from worker.exports.paths import picture_path
from worker.exports.picture import Content, Picture, make_picture, read_asset
from worker.exports.records import columns, record_of, variables_of_item
from worker.exports.segments import SegmentWriter, StoredSpan
from worker.images.limits import MIB
from worker.images.provenance.xmp import make_packet
from worker.storage.store import Store

PAGE = 200  #: items of one read
_ROWS = 2_000
_READS = 4  # pictures that are read at once
_SPLIT = "train"  # folder of the only split of an imagefolder
_METADATA = "metadata.jsonl"
INDEX, DIRECTORY = "index", "directory"


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be built."""

    id: UUID
    build: UUID
    campaign_id: UUID
    campaign: str
    options: ExportOptions
    at: datetime  #: of all its files

    def key(self, name: str) -> str:
        """Return the key of one of its objects."""
        return f"{objects_of(self.id)}{self.build.hex}/{name}"


@dataclass(slots=True)
class Counts:
    """What a build found."""

    items: int = 0
    pictures: int = 0
    missing: int = 0
    files: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class Built:
    """A finished build. ``size``: bytes of its content; ``None``: it was written to a destination."""

    counts: Counts = field(default_factory=Counts)
    size: int | None = None


def objects_of(export_id: UUID) -> str:
    """Return the prefix of the objects of an export."""
    return f"exports/{export_id.hex}/"


async def build_export(
    export: Export,
    database: Database,
    store: Store,
    folder: Path,
    *,
    destination: Destination | None,
    renew: Callable[[], Awaitable[None]],
) -> Built:
    """Build an export. ``renew`` is awaited before each page, and may end the build by raising.

    ``folder``: for unfinished files. Raises ``StorageError``.
    """
    with ExitStack() as stack:
        names = columns(await _variables(database, export, renew))
        manifest = stack.enter_context(Manifest(folder, export.campaign, names))
        builder = _Builder(export, store, folder, manifest, names, Built())
        if destination is not None:
            sums = parse_sums(await destination.read(SUMS) or b"")
            await builder.run(database, FolderContainer(destination, sums), renew)
            return builder.built
        segments = stack.enter_context(SegmentWriter(folder / INDEX))
        directory = stack.enter_context((folder / DIRECTORY).open("wb"))
        archive = ZipContainer(segments, directory, export.at)
        sharded = export.options.format is ExportFormat.WEBDATASET
        await builder.run(database, ShardContainer(archive, export.at) if sharded else archive, renew)
        archive.finish(export.key(DIRECTORY))
        directory.close()
        segments.close()
        for name in (DIRECTORY, INDEX):
            await store.put(export.key(name), folder / name, content_type="application/octet-stream")
        builder.built.size = segments.size
        return builder.built


@dataclass(slots=True)
class _Builder:
    export: Export
    store: Store
    folder: Path
    manifest: Manifest
    columns: Sequence[str]
    built: Built
    names: UniqueNames = field(default_factory=UniqueNames)

    async def run(
        self, database: Database, container: Container, renew: Callable[[], Awaitable[None]]
    ) -> None:
        """Add all pictures, then the files beside them."""
        for name in NAMES:
            self.names.add([name])
        if self._prefix:
            self.names.add([_SPLIT, _METADATA])
        with (self.folder / _METADATA).open("wb") as metadata:
            async for page in _pages(database, self.export, renew):
                async for found, picture, number in self._pictures(page):
                    record, file = self._describe(found, picture, number)
                    if file is None or picture is None or picture.content is None:
                        self.manifest.add(record, None)
                        continue
                    changed = await container.add_picture(file, picture, record)
                    self.built.counts.unchanged += not changed
                    self._note(record, file, picture.content.sha256)
                    if self._prefix:
                        metadata.write(self._metadata_line(record, file))
        await self._add_files(container)

    @property
    def _prefix(self) -> list[str]:
        return [_SPLIT] if self.export.options.format is ExportFormat.IMAGEFOLDER else []

    @property
    def _is_sharded(self) -> bool:
        return self.export.options.format is ExportFormat.WEBDATASET

    def _note(self, record: Mapping[str, Value], file: str, sha256: str) -> None:
        """Add a picture to the manifest; files within shards can't be shown or checked by their path."""
        self.built.counts.files += 1
        self.manifest.add(record, None if self._is_sharded else file)
        if not self._is_sharded:
            self.manifest.add_sum(sha256, file)

    async def _pictures(
        self, page: Sequence[ExportedItem]
    ) -> AsyncIterator[tuple[ExportedItem, Picture | None, int]]:
        """Yield the pictures of items in order, and each item without one; some are read ahead."""
        wanted: list[tuple[ExportedItem, Row[Any] | None, int]] = []
        for found in page:
            wanted += [(found, asset, number) for number, asset in enumerate(found.assets, start=1)]
            if not found.assets:
                wanted.append((found, None, 1))
        for start in range(0, len(wanted), _READS):
            chunk = wanted[start : start + _READS]
            made = await asyncio.gather(*(self._read(found, asset) for found, asset, _ in chunk))
            for (found, _, number), picture in zip(chunk, made, strict=True):
                yield found, picture, number

    async def _read(self, found: ExportedItem, asset: Row[Any] | None) -> Picture | None:
        if asset is None:
            return None
        data, packet = await read_asset(self.store, asset), None
        if self.export.options.marking and found.job is not None:
            job = found.job
            packet = make_packet(model=job.model, created_at=asset.created_at, job=public_id("job", job.id))
        return await asyncio.to_thread(make_picture, asset, data, packet)

    def _describe(
        self, found: ExportedItem, picture: Picture | None, number: int
    ) -> tuple[dict[str, Value], str | None]:
        """Return the record, and the path of the picture if it has a content."""
        counts, file = self.built.counts, None
        counts.items += number == 1
        if picture is not None:
            counts.pictures += 1
            if picture.content is None:
                counts.missing += 1
            else:
                path = picture_path(
                    self.export.options.names, self.export.campaign, found, picture.asset, number
                )
                file = self.names.add([*self._prefix, *path])
        return record_of(found, picture, file), file

    def _metadata_line(self, record: Mapping[str, Value], file: str) -> bytes:
        """Return the line of an imagefolder: each has all columns, so that their types agree."""
        line = {name: json_value(record.get(name)) for name in self.columns}
        relative = file.removeprefix(f"{_SPLIT}/")
        return orjson.dumps({"file_name": relative, **line}, option=orjson.OPT_APPEND_NEWLINE)

    async def _add_files(self, container: Container) -> None:
        self.manifest.flush()
        if self._prefix:
            await self._add_file(container, f"{_SPLIT}/{_METADATA}", self.folder / _METADATA)
        for name in NAMES:
            if name == SUMS or (name == SHEET and self._is_sharded):
                continue
            await self._add_file(container, name, self.folder / name)
        self.manifest.close()
        await self._add_file(container, SUMS, self.folder / SUMS)

    async def _add_file(self, container: Container, file: str, path: Path) -> None:
        key = self.export.key(path.name)
        content = await asyncio.to_thread(_content_of, path, key)
        if not isinstance(container, FolderContainer):
            await self.store.put(key, path, content_type="application/octet-stream")
        await container.add_file(file, content, path)
        if path.name != SUMS:
            self.manifest.add_sum(content.sha256, file)
        self.built.counts.files += 1


async def _pages(
    database: Database, export: Export, renew: Callable[[], Awaitable[None]]
) -> AsyncIterator[list[ExportedItem]]:
    after: tuple[int, UUID] | None = None
    while True:
        await renew()
        async with database.reading() as connection:
            page = await list_exported(
                connection, export.campaign_id, export.options.filter, after=after, limit=PAGE
            )
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].item.position, page[-1].item.id


async def _variables(database: Database, export: Export, renew: Callable[[], Awaitable[None]]) -> list[str]:
    """Return the names of all variables of rows and axes, in the order of their coming."""
    found: dict[str, None] = {}
    position = 0
    while True:
        await renew()
        async with database.reading() as connection:
            rows = await list_variables(connection, export.campaign_id, from_position=position, limit=_ROWS)
        for _, variables in rows:
            found.update(dict.fromkeys(variables))
        if len(rows) < _ROWS:
            break
        position = rows[-1][0] + 1
    async with database.reading() as connection:
        first = await list_exported(
            connection, export.campaign_id, export.options.filter, after=None, limit=1
        )
    return [*found, *(name for each in first for name in variables_of_item(each.item) if name not in found)]


def _content_of(path: Path, key: str) -> Content:
    digest, crc32, size = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
            crc32, size = zlib.crc32(chunk, crc32), size + len(chunk)
    return Content([StoredSpan(key, 0, size)], size, crc32, digest.hexdigest())
