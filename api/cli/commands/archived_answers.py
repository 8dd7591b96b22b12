"""``darkroom jobs explain``: what the archived answers of a job mean by today's rules."""

import asyncio
import json
import sys
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.exc import SQLAlchemyError

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import require_tables, settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import open_console
from api.cli.render.explanation import card
from models.database import Database
from models.errors import DarkroomError
from models.ids import parse_id
from models.queries.short_ids import whole_id
from models.settings import Settings
from worker.archive.reparse import ParsedAttempt, explain_job
from worker.services import build_store


def explain(
    job: Annotated[str, Parameter(help="its id, or a unique beginning such as job_01h455vb4pex")],
    /,
    *,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Explain the archived answers of a job, the latest first. Nothing is called or changed.

    It opens the database and the storage, not the API.
    """
    settings = settings_of(installation)
    require_tables(settings)
    try:
        attempts = asyncio.run(_read(settings, job))
    except (DarkroomError, SQLAlchemyError) as error:
        raise CommandFailed(Exit.FAILED, f"The answers of {job} can't be read: {error}") from error
    if not attempts:
        raise CommandFailed(Exit.NOT_FOUND, f"There is no job {job}, or it has made no call yet.")
    for attempt in attempts:
        if attempt.explanation is None:
            raise CommandFailed(Exit.NOT_FOUND, f"Attempt {attempt.number}: {attempt.problem}")
        if output.json or not sys.stdout.isatty():
            sys.stdout.write(json.dumps(attempt.explanation.document()) + "\n")
        else:
            open_console().print(card(attempt.explanation))
    return Exit.OK


async def _read(settings: Settings, job: str) -> list[ParsedAttempt]:
    database = Database(settings.sqlalchemy_url, pool=1)
    try:
        async with database.reading() as connection:
            whole = await whole_id(connection, "job", job, caller_id=None, field="job")
        return await explain_job(database, build_store(settings), parse_id("job", whole))
    finally:
        await database.close()
