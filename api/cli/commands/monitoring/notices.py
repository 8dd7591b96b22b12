"""``darkroom notices``: alerts that hold, and their acknowledgement."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.clock import now
from models.ids import parse_id, public_id
from models.queries.operations.notices import Notice, acknowledge, list_notices, notice_view

app = App(name="notices", help="List alerts that hold, and acknowledge them.", help_format="plaintext")


@app.command(name="list")
def list_(
    *,
    ended: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List the alerts that hold, each with the command that looks and the one that acts.

    Parameters
    ----------
    ended
        also those that have ended
    """

    async def act(connection: AsyncConnection) -> list[Notice]:
        return await list_notices(connection, ended=ended)

    found = read(settings_of(installation), act)
    columns = ("notice", "alert", "summary", "inspect", "act")
    printer(json=output.json).table("notices", columns, [(notice_view(each), _cells(each)) for each in found])
    return Exit.OK


@app.command
def ack(
    notice: str, *, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Acknowledge an alert: it is not told again until it has ended.

    Parameters
    ----------
    notice
        its id: notice_…
    """
    notice_id = parse_id("notice", notice)

    async def act(connection: AsyncConnection) -> Notice | None:
        return await acknowledge(connection, notice_id, by="the command line", at=now())

    found = write(settings_of(installation), act)
    if found is None:
        raise CommandFailed(Exit.NOT_FOUND, f"There is no notice {notice}.")
    printer(json=output.json).record(notice_view(found), f"Acknowledged: {found.summary}")
    return Exit.OK


def _cells(notice: Notice) -> list[Any]:
    name = f"{notice.alert} {notice.subject}".strip()
    return [public_id("notice", notice.id), name, notice.summary, notice.inspect, notice.act]
