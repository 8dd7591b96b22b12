"""``darkroom fsck``: check the database itself, and compare it with the storage both ways."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from api.cli.commands.storage import storage_value, storage_view
from api.cli.exit_codes import Exit
from api.cli.local_database import require_tables, settings_of, unreachable_database
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now
from models.database import Database
from models.errors import DatabaseAway
from models.settings import Settings
from worker.backup.database_copy import check_sqlite
from worker.maintenance.export_comparison import ExportReport, compare_exports
from worker.maintenance.orphans import deletable_before
from worker.maintenance.storage_comparison import (
    ObjectReport,
    StorageReport,
    compare_objects,
    compare_storage,
    damaged_pictures,
)
from worker.maintenance.thumbnail_comparison import ThumbnailReport, compare_thumbnails
from worker.services import build_store

_SHOWN = 20  # keys that are printed


@dataclass(frozen=True, slots=True)
class _Report:
    database: list[str]
    storage: StorageReport
    objects: ObjectReport
    thumbnails: ThumbnailReport
    exports: ExportReport
    damaged: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        left = len(self.storage.orphans) > self.storage.deleted
        thumbnails, exports = self.thumbnails, self.exports
        left |= len(thumbnails.unused) > thumbnails.deleted or len(exports.unused) > exports.deleted
        lost = self.objects.lost_answers and not self.objects.forgotten
        lost = lost or len(thumbnails.lost) > thumbnails.renewed or len(exports.lost) > exports.expired
        return not (
            self.database or self.storage.missing or left or lost or self.objects.lost_files or self.damaged
        )


def fsck(
    *,
    repair: Annotated[bool, Parameter(negative="")] = False,
    content: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Find damage of the database, files that no row names, and rows whose file is gone, cut off or changed.

    Images without a whole file are marked, so that the API says so; a restored file clears the mark.

    Parameters
    ----------
    repair
        delete files without a row, if they are older than DARKROOM_ORPHAN_AGE and this database's own,
        and images that are not what was stored; forget archived answers that are gone; make lost
        thumbnails again; let exports expire whose content is gone, so that they can be made again
    content
        also read each image, and compare it with its hash
    """
    settings = settings_of(installation)
    require_tables(settings)
    try:
        report = asyncio.run(_check(settings, repair=repair, content=content))
    except (DatabaseAway, SQLAlchemyError) as error:
        raise unreachable_database(settings, error) from error
    value = {
        "database": report.database,
        **storage_value(report.storage),
        "answers": report.objects.answers,
        "lost_answers": report.objects.lost_answers,
        "forgotten": report.objects.forgotten,
        "lost_files": report.objects.lost_files,
        "lost_thumbnails": report.thumbnails.lost,
        "renewed_thumbnails": report.thumbnails.renewed,
        "exports": report.exports.ready,
        "lost_exports": report.exports.lost,
        "expired_exports": report.exports.expired,
        "unused_files": [*report.thumbnails.unused, *report.exports.unused],
        "deleted_unused": report.thumbnails.deleted + report.exports.deleted,
        "damaged": report.damaged,
    }
    printer(json=output.json).record(value, _view(report, repair=repair))
    return Exit.OK if report.is_clean else Exit.FAILED


async def _check(settings: Settings, *, repair: bool, content: bool) -> _Report:
    database, store = Database(settings.sqlalchemy_url, pool=1), build_store(settings)
    try:
        broken = check_sqlite(settings.database_url) if database.is_sqlite else []
        storage = await compare_storage(
            database, store, orphan_age=settings.orphan_age, at=now(), repair=repair
        )
        before = deletable_before(storage.ownership, timedelta(seconds=settings.orphan_age), now())
        return _Report(
            broken,
            storage,
            await compare_objects(database, store, repair=repair),
            await compare_thumbnails(database, store, before=before, repair=repair),
            await compare_exports(database, store, before=before, repair=repair),
            await damaged_pictures(database, store, at=now(), repair=repair) if content else [],
        )
    finally:
        await database.close()


def _view(report: _Report, *, repair: bool) -> Text:
    lines = [f"The database is damaged: {problem}." for problem in report.database]
    lines.append(storage_view(report.storage, repair=repair).plain)
    for what, keys in (
        ("The picture is not what was stored", report.damaged),
        ("Archived answers are gone", report.objects.lost_answers),
        ("The content of a file of the OpenAI API is gone", report.objects.lost_files),
        ("A thumbnail of the picture is gone or cut off", report.thumbnails.lost),
        ("The content of the export is gone or cut off", report.exports.lost),
        ("No picture shows the thumbnail", report.thumbnails.unused),
        ("The file belongs to no export", report.exports.unused),
    ):
        lines += [f"{what}: {key}." for key in keys[:_SHOWN]]
        if len(keys) > _SHOWN:
            lines.append(f"So are {len(keys) - _SHOWN:,} others.")
    if report.objects.lost_answers:
        lines.append(
            f"{report.objects.forgotten:,} calls do not name them any more."
            if repair
            else "--repair forgets them; a backup of the storage brings them back."
        )
    if repair:
        lines += [f"{count:,} {what}." for count, what in _repaired(report) if count]
    return Text("\n".join(lines))


def _repaired(report: _Report) -> Sequence[tuple[int, str]]:
    return (
        (report.thumbnails.renewed, "pictures have new thumbnails"),
        (report.exports.expired, "exports have expired; make them again"),
        (report.thumbnails.deleted + report.exports.deleted, "files that nothing uses were deleted"),
    )
