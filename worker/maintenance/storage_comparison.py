"""Comparison of database and storage, both ways: files that no row names, and rows without their file."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.database import Database
from models.errors import NotFound
from models.queries.assets import mark_missing, page_of_files
from models.queries.operations.named_objects import archived_objects, file_objects, forget_archived
from worker.maintenance.orphans import (
    SHARDS,
    Ownership,
    check_assets,
    claim,
    deletable_before,
    delete_orphans,
    unnamed_files,
)
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

_PAGE = 1000
_AT_ONCE = 20  # objects that are looked up at once


@dataclass(slots=True)
class StorageReport:
    """What the comparison found."""

    ownership: Ownership
    files: int = 0
    orphans: list[StoredFile] = field(default_factory=list)
    deleted: int = 0  #: of the orphans
    assets: int = 0
    missing: list[Row[Any]] = field(default_factory=list)  #: assets: id, job_id, key, missing_at


@dataclass(slots=True)
class ObjectReport:
    """What was found of archived answers and of files of the OpenAI API."""

    answers: int = 0  #: objects with archived answers
    lost_answers: list[str] = field(default_factory=list)  #: keys of those that are gone
    forgotten: int = 0  #: calls that do not name a lost answer any more
    files: int = 0
    lost_files: list[str] = field(default_factory=list)


async def compare_storage(
    database: Database, store: Store, *, orphan_age: float, at: datetime, repair: bool
) -> StorageReport:
    """Compare all images; with ``repair``, delete orphans older than ``orphan_age`` seconds.

    Images without a whole file are marked; the mark of those whose file is back is cleared.
    Raises ``StorageError``.
    """
    report = StorageReport(await claim(database, store))
    before = deletable_before(report.ownership, timedelta(seconds=orphan_age), at)
    for shard in SHARDS:
        await _compare_shard(report, database, store, shard, before if repair else None)
    after: UUID | None = None
    while True:
        found = await check_assets(database, store, after, limit=_PAGE, at=at)
        report.assets += found.checked
        report.missing += found.missing
        if (after := found.last) is None:
            return report


async def compare_objects(database: Database, store: Store, *, repair: bool) -> ObjectReport:
    """Look up archived answers and files of the OpenAI API; with ``repair``, forget answers that are gone.

    Raises ``StorageError``.
    """
    report = ObjectReport()
    after = ""
    while True:
        async with database.reading() as connection:
            keys = await archived_objects(connection, after, limit=_PAGE)
        if not keys:
            break
        after = keys[-1]
        report.answers += len(keys)
        lost = await _lost(store, keys)
        report.lost_answers += lost
        if lost and repair:
            async with database.writing() as connection:
                report.forgotten += await forget_archived(connection, lost)
    async with database.reading() as connection:
        keys = await file_objects(connection)
    report.files, report.lost_files = len(keys), await _lost(store, keys)
    return report


async def damaged_pictures(database: Database, store: Store, *, at: datetime, repair: bool) -> list[str]:
    """Read each image, and return the keys of those whose content has not the hash in their key.

    ``repair`` deletes them and marks them as missing, so that a backup can bring them back.
    Raises ``StorageError``.
    """
    damaged: list[str] = []
    after: UUID | None = None
    while True:
        async with database.reading() as connection:
            rows = await page_of_files(connection, after, _PAGE)
        wrong = [row for row in rows if row.missing_at is None and not await _is_whole(store, row.key)]
        damaged += [row.key for row in wrong]
        if wrong and repair:
            for row in wrong:
                await store.delete(row.key)
            async with database.writing() as connection:
                await mark_missing(connection, [row.id for row in wrong], at)
        if len(rows) < _PAGE:
            return damaged
        after = rows[-1].id


async def _is_whole(store: Store, key: str) -> bool:
    digest = hashlib.sha256()
    try:
        async for chunk in store.stream(key):
            digest.update(chunk)
    except NotFound:
        return True  # the other comparison tells it
    return digest.hexdigest() in key


async def _lost(store: Store, keys: Sequence[str]) -> list[str]:
    lost = []
    for start in range(0, len(keys), _AT_ONCE):
        chunk = keys[start : start + _AT_ONCE]
        stats = await asyncio.gather(*map(store.head, chunk))
        lost += [key for key, stat in zip(chunk, stats, strict=True) if stat is None]
    return lost


async def _compare_shard(
    report: StorageReport, database: Database, store: Store, shard: str, before: datetime | None
) -> None:
    after = ""
    while page := await store.list_files(shard, after=after, limit=_PAGE):
        orphans = await unnamed_files(database, page)
        report.files += len(page)
        report.orphans += orphans
        if before is not None:
            report.deleted += len(await delete_orphans(database, store, orphans, report.ownership, before))
        after = page[-1].key
