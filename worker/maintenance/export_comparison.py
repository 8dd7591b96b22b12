"""Comparison of exports with the storage, both ways."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from models.database import Database
from models.errors import NotFound
from models.ids import public_id
from models.queries.campaigns.exports import builds_of, expire_export, page_of_ready
from worker.exports.build import DIRECTORY, INDEX, objects_of
from worker.exports.segments import own_objects
from worker.maintenance.orphans import delete_unused
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

_PAGE = 1000
_ALL = "exports/"


@dataclass(slots=True)
class ExportReport:
    """What the comparison found."""

    ready: int = 0
    lost: list[str] = field(default_factory=list)  #: ids of ready exports whose content is gone or cut off
    expired: int = 0  #: of these
    unused: list[str] = field(default_factory=list)  #: keys of objects that belong to no export
    deleted: int = 0  #: of these


async def compare_exports(
    database: Database, store: Store, *, before: datetime | None, repair: bool
) -> ExportReport:
    """Look up the objects of all ready exports, and the exports of all objects.

    With ``repair``, exports without their content expire, so that they can be made again, and objects that
    belong to none and were put ``before`` are deleted (``None``: none is). Raises ``StorageError``.
    """
    report = ExportReport()
    after: UUID | None = None
    while True:
        async with database.reading() as connection:
            rows = await page_of_ready(connection, after, _PAGE)
        report.ready += len(rows)
        for row in rows:
            if await _is_whole(store, f"{objects_of(row.id)}{row.build.hex}/"):
                continue
            report.lost.append(public_id("export", row.id))
            if repair:
                async with database.writing() as connection:
                    await expire_export(connection, row.id)
                report.expired += 1
        if len(rows) < _PAGE:
            break
        after = rows[-1].id
    report.unused, report.deleted = await delete_unused(
        store, [_ALL], partial(_unused, database), before if repair else None
    )
    return report


async def _is_whole(store: Store, prefix: str) -> bool:
    """Return whether the objects of a build are there: its index, and those that this names."""
    try:
        named = {f"{prefix}{DIRECTORY}": 0} | await own_objects(store, f"{prefix}{INDEX}", prefix)
    except NotFound:
        return False
    stats = [(await store.head(key), least) for key, least in named.items()]
    return all(stat is not None and stat.size >= least for stat, least in stats)


async def _unused(database: Database, page: Sequence[StoredFile]) -> list[StoredFile]:
    """Return the objects of builds that are neither ready nor under way."""
    builds = {file.key: build for file in page if (build := _build_of(file.key))}
    async with database.reading() as connection:
        present = await builds_of(connection, list({export_id for export_id, _ in builds.values()}))
    return [file for file in page if file.key in builds and builds[file.key] not in present]


def _build_of(key: str) -> tuple[UUID, UUID] | None:
    """Return the export and the build that an object belongs to."""
    _, export_id, build, *_ = [*key.split("/"), "", ""]
    try:
        return UUID(hex=export_id), UUID(hex=build)
    except ValueError:
        return None
