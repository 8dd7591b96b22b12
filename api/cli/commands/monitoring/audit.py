"""``darkroom audit``: who changed what, newest first."""

from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveInt
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit_log import AuditPage, entry_view, read_audit
from api.cli.exit_codes import Exit
from api.cli.local_database import read, settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from api.cli.render.times import shown_time

_COLUMNS = ("AT", "BY", "THROUGH", "ACTION", "WHAT", "COUNT")


def audit(
    *,
    by: Annotated[str | None, Parameter(help="only of this caller, or user of the command line")] = None,
    target: Annotated[str | None, Parameter(help="only about this job, campaign, channel, key …")] = None,
    limit: PositiveInt = 20,
    before: PositiveInt | None = None,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List who changed what, newest first: through the API, the dashboard or the command line.

    As JSON, each entry has its filter, and how it was before and after.

    Parameters
    ----------
    limit
        entries
    before
        only those before the entry with this id
    """

    async def act(connection: AsyncConnection) -> AuditPage:
        return await read_audit(connection, limit=limit, before=before, by=by, target=target)

    views = [entry_view(entry) for entry in read(settings_of(installation), act).entries]
    printer(json=output.json).table("entries", _COLUMNS, [(view, _cells(view)) for view in views])
    return Exit.OK


def _cells(view: dict[str, Any]) -> list[Any]:
    author = f"{view['by']} ({view['role']})"
    count = "" if view["count"] is None else view["count"]
    return [shown_time(view["at"]), author, view["through"], view["action"], view["target"], count]
