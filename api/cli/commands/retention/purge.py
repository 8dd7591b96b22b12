"""``darkroom purge``: delete a caller's ended jobs with pictures and answers; report what is left."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import require_tables, settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import confirm, printer
from models.clock import now, rfc3339
from models.database import Database
from models.ids import public_id
from models.queries.callers import callers_named
from models.queries.operations.caller_data import CallerData, delete_uploads, read_caller_data
from models.queries.operations.ended_jobs import Deleted, delete_jobs, ended_of_caller, lock_ended
from models.queries.operations.file_deletions import count_file_deletions
from models.queries.workers import first_worker
from models.settings import Settings
from worker.retention.file_deleter import delete_due_files
from worker.services import build_store

_BATCH = 100  # jobs in one transaction


@dataclass(frozen=True, slots=True)
class _Report:
    deleted: Deleted
    uploads: int
    left: CallerData
    files_waiting: int


def purge(
    *,
    caller: str,
    before: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Delete a caller's ended jobs with their pictures, answers and input images; hashes of them stay.

    Jobs that are open are left, and reported. What calls have cost stays in the totals.

    Parameters
    ----------
    caller
        name or id of the caller, as in `darkroom keys list`
    before
        only jobs submitted before this day or time (UTC), such as 2026-01-31; else all
    dry_run
        say what would be deleted
    yes
        do not ask
    """
    until = _time(before)
    settings = settings_of(installation)
    require_tables(settings)
    out = printer(json=output.json)
    caller_id, name, found = asyncio.run(_find(settings, caller, until))
    summary = f"{found.ended:,} ended jobs and {found.pictures:,} pictures of {name}"
    if dry_run:
        out.record(
            {"caller": public_id("caller", caller_id), **found.to_json()}, f"It would delete {summary}."
        )
        return Exit.OK
    if not yes and not confirm(f"Delete {summary}? It can't be undone."):
        raise CommandFailed(Exit.USAGE, "Nothing is deleted; --yes answers the question.")
    report = asyncio.run(_purge(settings, caller_id, until))
    out.record(_json(caller_id, report), _text(name, report))
    return Exit.OK


def _time(text: str | None) -> datetime:
    """Return the time that a person wrote; now without one."""
    if text is None:
        return now()
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"--before {text}: write a day such as 2026-01-31.") from error
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


async def _find(settings: Settings, caller: str, before: datetime) -> tuple[UUID, str, CallerData]:
    database = Database(settings.sqlalchemy_url, pool=1)
    try:
        async with database.reading() as connection:
            found = await callers_named(connection, caller)
            if len(found) != 1:
                problem = "several callers have this name; give its id" if found else "there is none"
                raise CommandFailed(Exit.NOT_FOUND, f"--caller {caller}: {problem} (`darkroom keys list`).")
            caller_id, name = found[0]
            return caller_id, name, await read_caller_data(connection, caller_id, before)
    finally:
        await database.close()


async def _purge(settings: Settings, caller_id: UUID, before: datetime) -> _Report:
    database = Database(settings.sqlalchemy_url, pool=1)
    try:
        deleted = await _delete_all(database, caller_id, before)
        async with database.writing() as connection:
            uploads = await delete_uploads(connection, caller_id, before, now())
            alone = await first_worker(connection) is None
        if alone:  # with workers, they delete the files: two processes must not rewrite the same answers
            store = build_store(settings)
            while (await delete_due_files(database, store, now())).deleted:
                pass
        async with database.reading() as connection:
            left = await read_caller_data(connection, caller_id, before)
            return _Report(deleted, uploads, left, await count_file_deletions(connection))
    finally:
        await database.close()


async def _delete_all(database: Database, caller_id: UUID, before: datetime) -> Deleted:
    deleted, after = Deleted(), None
    while True:
        async with database.writing() as connection:
            ids = await ended_of_caller(connection, caller_id, before, after, _BATCH)
            rows = await lock_ended(connection, ids)
            at = now()
            until = at - timedelta(seconds=1)  # their input images go with them
            deleted += await delete_jobs(connection, rows, reason="purge", at=at, inputs_until=until)
        if len(ids) < _BATCH:
            return deleted
        after = ids[-1]


def _json(caller_id: UUID, report: _Report) -> dict[str, Any]:
    return {
        "caller": public_id("caller", caller_id),
        "at": rfc3339(now()),
        "jobs": report.deleted.jobs,
        "pictures": report.deleted.pictures,
        "answers": report.deleted.answers,
        "uploads": report.uploads,
        "files_waiting": report.files_waiting,
        "left": report.left.to_json(),
    }


def _text(name: str, report: _Report) -> str:
    deleted = report.deleted
    lines = [
        f"Deleted of {name}: {deleted.jobs:,} jobs, {deleted.pictures:,} pictures, "
        f"{deleted.answers:,} archived answers, {report.uploads:,} input images."
    ]
    if report.files_waiting:
        lines.append(
            f"{report.files_waiting:,} files wait: workers delete those that nothing else names, an hour "
            "after they were stored at the earliest."
        )
    if report.left.open:
        lines.append(f"{report.left.open:,} jobs are open and stay: cancel them, then repeat the command.")
    return "\n".join(lines)
