"""``darkroom partition``: keep events and attempts in one partition for each month, on PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import (
    read,
    require_tables,
    require_writes,
    settings_of,
    unreachable_database,
    write,
)
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now, rfc3339
from models.database import Database
from models.errors import DatabaseAway
from models.queries.operations.partitions import TABLES, Partition, list_partitions
from models.settings import Settings
from worker.retention.month_partitions import partition as convert


def partition(
    *,
    check: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Split events and attempts by month (PostgreSQL), so that retention drops a month at once. Idempotent.

    The installation may run meanwhile: no row is copied. Workers make the months ahead and drop those that
    are over DARKROOM_RETENTION_EVENTS and _ATTEMPTS. There is no way back but a backup.

    Parameters
    ----------
    check
        change nothing: list the partitions; exit code 1 if there are none
    """
    settings = settings_of(installation)
    require_tables(settings)
    if settings.sqlalchemy_url.startswith("sqlite"):
        raise CommandFailed(
            Exit.USAGE, "SQLite has no partitions; set DARKROOM_DATABASE_URL to a PostgreSQL database."
        )
    if not check:
        require_writes(settings)
        try:
            asyncio.run(_convert(settings))
        except (DatabaseAway, SQLAlchemyError) as error:
            raise unreachable_database(settings, error) from error
    found = read(settings, _list) if check else write(settings, _list)
    out = printer(json=output.json)
    for each in found:
        value = {
            "table": each.table,
            "partition": each.name,
            "from": _time(each.begins),
            "until": _time(each.ends),
            "bytes": each.bytes,
        }
        out.record(value, _line(each))
    if not found:
        out.record(
            {"table": None}, "events and attempts have no partitions; `darkroom partition` makes them."
        )
    return Exit.OK if found else Exit.FAILED


async def _convert(settings: Settings) -> None:
    database = Database(settings.sqlalchemy_url, pool=1)
    try:
        await convert(database, now())
    finally:
        await database.close()


async def _list(connection: AsyncConnection) -> Sequence[Partition]:
    return [each for table in TABLES for each in await list_partitions(connection, table)]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _line(each: Partition) -> str:
    size = f"{each.bytes / 1e6:,.1f} MB"
    if each.ends is None:
        return f"{each.name}: jobs of no other partition, {size}"
    begins = "the beginning" if each.begins is None else f"{each.begins:%Y-%m-%d}"
    return f"{each.name}: jobs submitted from {begins} until {each.ends:%Y-%m-%d}, {size}"
