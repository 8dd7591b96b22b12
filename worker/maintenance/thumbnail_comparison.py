"""Comparison of thumbnails with the storage, both ways; lost ones are made again from their pictures."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from models.database import Database
from models.errors import ImageError, NotFound
from models.operations.thumbnail_keys import CONTENT_TYPE, picture_key, thumbnail_key
from models.queries.assets import keys_in_use, keys_with_thumbnails, page_of_thumbnails, save_thumbnails
from worker.images.decode_process import DecodeProcess
from worker.images.pixel_findings import examine_in_background
from worker.maintenance.orphans import SHARDS, delete_unused
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

_PAGE = 1000
Sizes = dict[str, list[int]]


@dataclass(slots=True)
class ThumbnailReport:
    """What the comparison found."""

    lost: list[str] = field(default_factory=list)  #: keys of pictures that lack a whole thumbnail
    renewed: int = 0  #: of these pictures
    unused: list[str] = field(default_factory=list)  #: keys of thumbnails of pictures that show none
    deleted: int = 0  #: of the unused ones


async def compare_thumbnails(
    database: Database, store: Store, *, before: datetime | None, repair: bool
) -> ThumbnailReport:
    """Look up the thumbnails of all pictures, and the pictures of all thumbnails.

    With ``repair``, lost ones are made again, or forgotten if their picture can't be opened; unused ones that
    were put ``before`` are deleted (``None``: none is). Thumbnails of pictures that no row names are orphans,
    which ``compare_storage`` reports. Raises ``StorageError``.
    """
    report, decoding = ThumbnailReport(), DecodeProcess()
    async for asset_id, key, sizes in _shown(database):
        if await _are_whole(store, key, sizes):
            continue
        report.lost.append(key)
        if repair and (made := await _make(store, decoding, key)) is not _LEFT:
            report.renewed += made is not None
            async with database.writing() as connection:
                await save_thumbnails(connection, asset_id, made)
    report.unused, report.deleted = await delete_unused(
        store, SHARDS, partial(_unused, database), before if repair else None
    )
    return report


_LEFT: Sizes = {}  # the picture is not there: its thumbnails are as lost as it is


async def _shown(database: Database) -> AsyncIterator[tuple[UUID, str, Sizes]]:
    """Yield the pictures that show thumbnails: id, key, and width, height and bytes by side."""
    after: UUID | None = None
    while True:
        async with database.reading() as connection:
            rows = await page_of_thumbnails(connection, after, _PAGE)
        for row in rows:
            if isinstance(row.thumbnails, dict):
                yield row.id, row.key, row.thumbnails
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


async def _are_whole(store: Store, key: str, sizes: Sizes) -> bool:
    stats = [(await store.head(thumbnail_key(key, int(side))), size) for side, (*_, size) in sizes.items()]
    return all(stat is not None and stat.size == size for stat, size in stats)


async def _make(store: Store, decoding: DecodeProcess, key: str) -> Sizes | None:
    """Make the thumbnails of a picture; ``None`` if it can't be opened."""
    try:
        seen = await decoding.run(examine_in_background, await store.get(key))
    except NotFound:
        return _LEFT
    except ImageError:
        return None
    for each in seen.thumbnails:
        await store.put(thumbnail_key(key, each.side), each.content, content_type=CONTENT_TYPE)
    return {str(each.side): [each.width, each.height, len(each.content)] for each in seen.thumbnails}


async def _unused(database: Database, page: Sequence[StoredFile]) -> list[StoredFile]:
    """Return the thumbnails of pictures that have a row, and of which no row shows any."""
    pictures = {file.key: picture for file in page if (picture := picture_key(file.key)) != file.key}
    if not pictures:
        return []
    keys = list(set(pictures.values()))
    async with database.reading() as connection:
        unused = await keys_in_use(connection, keys) - await keys_with_thumbnails(connection, keys)
    return [file for file in page if pictures.get(file.key) in unused]
