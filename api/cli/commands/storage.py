"""``darkroom storage``: compare the stored files with the database."""

import asyncio
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text
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
from worker.maintenance.storage_comparison import StorageReport, compare_storage
from worker.services import build_store

app = App(name="storage", help="Compare the stored files with the database.", help_format="plaintext")

_SHOWN = 20  # assets without a file that are printed


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
    printer(json=output.json).record(storage_value(report), storage_view(report, repair=repair))
    return Exit.FAILED if report.missing or len(report.orphans) > report.deleted else Exit.OK


async def _compare(settings: Settings, *, repair: bool) -> StorageReport:
    database, store = Database(settings.sqlalchemy_url, pool=1), build_store(settings)
    try:
        return await compare_storage(database, store, orphan_age=settings.orphan_age, at=now(), repair=repair)
    finally:
        await database.close()


def storage_value(report: StorageReport) -> dict[str, Any]:
    """Return a comparison as JSON."""
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


def storage_view(report: StorageReport, *, repair: bool) -> Text:
    """Return a comparison in words."""
    size = sum(file.size for file in report.orphans)
    lines = [f"{report.files:,} stored images, {report.assets:,} named by the database."]
    if report.orphans:
        lines.append(f"{len(report.orphans):,} of them ({size:,} bytes) are named by no job or asset.")
        lines.append(_fate(report, repair=repair))
    for row in report.missing[:_SHOWN]:
        job = f" of {public_id('job', row.job_id)}" if row.job_id else ""
        lines.append(f"The file of {public_id('asset', row.id)}{job} is gone or cut off: {row.key}.")
    if more := len(report.missing) - _SHOWN if len(report.missing) > _SHOWN else 0:
        lines.append(f"So are the files of {more:,} others.")
    if report.missing:
        lines.append("Bring them back from a backup of the storage; nothing else restores them.")
    return Text("\n".join(lines))


def _fate(report: StorageReport, *, repair: bool) -> str:
    if report.ownership.others:
        markers = ", ".join(report.ownership.others)
        return f"None is deleted: other databases use this storage ({markers})."
    if not repair:
        return "Workers delete those that are older than DARKROOM_ORPHAN_AGE; --repair does it now."
    return f"{report.deleted:,} were deleted; the others are too young, or older than this database's marker."
