"""``darkroom costs``: what calls have cost, and how that compares with a provider's bill."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import read, settings_of
from api.cli.options import (
    DEFAULT_CONNECTION,
    DEFAULT_FORMAT,
    DEFAULT_INSTALLATION,
    Connection,
    Format,
    Installation,
)
from api.cli.output import printer, say
from darkroom_client.documents import Document
from models.clock import now
from models.ids import public_id
from models.money.reconcile import BillError, Difference, compare, read_bill
from models.queries.money.reports import ChargedCall, list_charged
from models.setting_scopes import help_on_settings

app = App(
    name="costs",
    help="Show what calls have cost, and compare it with a bill.",
    help_format="plaintext",
    help_epilogue=f"Only reconcile reads settings. {help_on_settings('costs')}",
)

_COLUMNS = ("CALLS", "MADE", "COST", "FAILED BUT CHARGED", "UNKNOWN", "CURRENCY")
_DIFFERENCES = ("DIFFERENCE", "REQUEST", "BILLED", "RECORDED", "LINE")
_LONGEST = 400  # days, as the API takes them
By = Annotated[str, Parameter(help="one or more of day, channel, model, campaign, key, with commas")]
Days = Annotated[PositiveInt, Parameter(help="of how many days, up to now")]


@app.default
def show(
    *,
    by: By = "day",
    days: Days = 30,
    campaign: Annotated[str | None, Parameter(help="only jobs of this campaign")] = None,
    caller: Annotated[str | None, Parameter(help="with an admin's key: only jobs of this caller")] = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Show calls and what they have cost, by group and currency; with an admin's key those of all callers."""
    wanted = tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip()))
    since, until = _last(days)
    with open_client(connection) as client:
        rows = client.costs(by=wanted, since=since, until=until, campaign=campaign, caller=caller)
    columns = (*(name.upper() for name in wanted), *_COLUMNS)
    printer(json=output.json).table("costs", columns, [(row, _cells(row, wanted)) for row in rows])
    return Exit.OK


@app.command
def reconcile(
    bill: Path,
    /,
    *,
    channel: Annotated[str | None, Parameter(help="only calls of this channel, whose bill it is")] = None,
    days: Days = 40,
    id_column: Annotated[str | None, Parameter(help="column of the request ids")] = None,
    amount_column: Annotated[str | None, Parameter(help="column of the amounts")] = None,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Compare a provider's bill (CSV) with the recorded calls by request id, and list every difference.

    It opens the database. Exits with 1 if there are any.
    """
    try:
        with bill.open(encoding="utf-8-sig", newline="") as file:
            lines = read_bill(file, id_column=id_column, amount_column=amount_column)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{bill} can't be read: {error.strerror}.") from error
    except BillError as error:
        raise CommandFailed(Exit.USAGE, f"{bill}: {error}.") from error
    since, until = _last(days)

    async def query(connection: AsyncConnection) -> list[ChargedCall]:
        return await list_charged(connection, since=since, until=until, channel=channel)

    calls = read(settings_of(installation), query)
    found = compare(lines, [(call.request_id, call.cost_micro) for call in calls])
    jobs = {call.request_id: public_id("job", call.job_id) for call in calls}
    table = [({**each.to_json(), "job": jobs.get(each.request_id)}, _difference(each)) for each in found]
    printer(json=output.json).table("differences", _DIFFERENCES, table)
    if not output.json:
        say(f"{len(lines)} lines, {len(calls)} calls with a request id, {len(found)} differences.")
    return Exit.FAILED if found else Exit.OK


def _last(days: int) -> tuple[datetime, datetime]:
    until = now().astimezone(UTC) + timedelta(minutes=1)
    return until - timedelta(days=min(days, _LONGEST)), until


def _cells(row: Document, by: Sequence[str]) -> tuple[Any, ...]:
    made, failed, unknown = row["made"], row["failed_but_charged"], row["unknown"]
    return (
        *(row[name] or "" for name in by),
        row["calls"],
        made["calls"],
        row["cost"],
        f"{failed['calls']} ({failed['cost']})",
        f"{unknown['calls']} ({unknown['reserved']})",
        row["currency"] or "no price",
    )


def _difference(each: Difference) -> tuple[Any, ...]:
    view = each.to_json()
    return tuple(
        "" if view[name] is None else view[name]
        for name in ("kind", "request_id", "billed", "recorded", "line")
    )
