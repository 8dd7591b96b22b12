"""``darkroom storage``: compare the stored files with the database."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from rich.text import Text
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from api.cli.exit_codes import Exit
from api.cli.local_database import require_tables, settings_of, unreachable_database
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now
from models.database import Database
from models.errors import DatabaseAway
from models.ids import public_id
from models.settings import Settings
from worker.maintenance.orphans import (
    SHARDS,
    Ownership,
    check_assets,
    claim,
    deletable_before,
    delete_orphans,
    unnamed_files,
)
from worker.services import build_store
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

app = App(name="storage", help="Compare the stored files with the database.", help_format="plaintext")

_PAGE = 1000
_SHOWN = 20  # assets without a file that are printed


@dataclass(slots=True)
class _Report:
    ownership: Ownership
    files: int = 0
    orphans: list[StoredFile] = field(default_factory=list)
    deleted: int = 0
    assets: int = 0
    missing: list[Row[Any]] = field(default_factory=list)


@app.command
def check(
    *,
    repair: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Find stored files that no job or asset names, and assets without a file; mark the latter.

    Parameters
    ----------
    repair
        delete the former, if they are older than DARKROOM_ORPHAN_AGE and this database's own
    """
    settings = settings_of(installation)
    require_tables(settings)
    try:
        report = asyncio.run(_compare(settings, repair=repair))
    except (DatabaseAway, SQLAlchemyError) as error:
        raise unreachable_database(settings, error) from error
    printer(json=output.json).record(_value(report), _view(report, repair=repair))
    return Exit.FAILED if report.missing or len(report.orphans) > report.deleted else Exit.OK


async def _compare(settings: Settings, *, repair: bool) -> _Report:
    database, store, at = Database(settings.sqlalchemy_url, pool=1), build_store(settings), now()
    try:
        report = _Report(await claim(database, store))
        before = deletable_before(report.ownership, timedelta(seconds=settings.orphan_age), at)
        for shard in SHARDS:
            await _compare_shard(report, database, store, shard, before if repair else None)
        after: UUID | None = None
        while True:
            found = await check_assets(database, store, after, limit=_PAGE, at=at)
            report.assets += found.checked
            report.missing += found.missing
            if (after := found.last) is None:
                return report
    finally:
        await database.close()


async def _compare_shard(
    report: _Report, database: Database, store: Store, shard: str, before: datetime | None
) -> None:
    after = ""
    while page := await store.list_files(shard, after=after, limit=_PAGE):
        orphans = await unnamed_files(database, page)
        report.files += len(page)
        report.orphans += orphans
        if before is not None:
            report.deleted += len(await delete_orphans(database, store, orphans, report.ownership, before))
        after = page[-1].key


def _value(report: _Report) -> dict[str, Any]:
    missing = [
        {
            "asset": public_id("asset", row.id),
            "job": public_id("job", row.job_id) if row.job_id else None,
            "key": row.key,
        }
        for row in report.missing
    ]
    return {
        "files": report.files,
        "orphans": len(report.orphans),
        "orphan_bytes": sum(file.size for file in report.orphans),
        "deleted": report.deleted,
        "assets": report.assets,
        "missing": missing,
        "other_databases": list(report.ownership.others),
    }


def _view(report: _Report, *, repair: bool) -> Text:
    size = sum(file.size for file in report.orphans)
    lines = [f"{report.files:,} stored images, {report.assets:,} named by the database."]
    if report.orphans:
        lines.append(f"{len(report.orphans):,} of them ({size:,} bytes) are named by no job or asset.")
        lines.append(_fate(report, repair=repair))
    for row in report.missing[:_SHOWN]:
        job = f" of {public_id('job', row.job_id)}" if row.job_id else ""
        lines.append(f"The file of {public_id('asset', row.id)}{job} is gone: {row.key}.")
    if more := len(report.missing) - _SHOWN if len(report.missing) > _SHOWN else 0:
        lines.append(f"So are the files of {more:,} others.")
    if report.missing:
        lines.append("Bring them back from a backup of the storage; nothing else restores them.")
    return Text("\n".join(lines))


def _fate(report: _Report, *, repair: bool) -> str:
    if report.ownership.others:
        markers = ", ".join(report.ownership.others)
        return f"None is deleted: other databases use this storage ({markers})."
    if not repair:
        return "Workers delete those that are older than DARKROOM_ORPHAN_AGE; --repair does it now."
    return f"{report.deleted:,} were deleted; the others are too young, or older than this database's marker."
