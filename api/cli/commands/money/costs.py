"""``darkroom costs``: what calls have cost, and how that compares with a provider's bill."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import read, settings_of, write
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
from models.money.reconcile import (
    BillError,
    BillLine,
    Difference,
    RecordedCall,
    compare,
    read_bill,
    to_settle,
)
from models.queries.money.reports import ChargedCall, list_charged
from models.queries.money.settlement import settle_calls
from models.setting_scopes import help_on_settings
from models.settings import Settings

app = App(
    name="costs",
    help="Show what calls have cost, and compare it with a bill.",
    help_format="plaintext",
    help_epilogue=f"Only reconcile reads settings. {help_on_settings('costs')}",
)

_CURRENCY = re.compile(r"[A-Z]{3,8}")
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
    currency: Annotated[
        str | None, Parameter(help="of the bill, such as USD: for calls that have no price")
    ] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="only compare; settle nothing")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Compare a provider's bill (CSV) with the recorded calls by request id, and list every difference.

    It opens the database. Calls whose cost is not known are settled by the bill. Exits with 1 if other
    differences are left.
    """
    lines = _read_lines(bill, id_column, amount_column)
    if currency is not None and not _CURRENCY.fullmatch(currency):
        raise CommandFailed(Exit.USAGE, "--currency takes three to eight capital letters, such as USD.")
    since, until = _last(days)

    async def query(connection: AsyncConnection) -> list[ChargedCall]:
        return await list_charged(connection, since=since, until=until, channel=channel)

    settings = settings_of(installation)
    calls = read(settings, query)
    found = compare(lines, [(call.request_id, call.cost_micro if call.settled else None) for call in calls])
    settled = set() if dry_run else _settle(settings, lines, calls, currency)
    jobs = {call.request_id: public_id("job", call.job_id) for call in calls}
    table = [
        (
            {**each.to_json(), "job": jobs.get(each.request_id), "settled": each.request_id in settled},
            _difference(each, settled=each.request_id in settled),
        )
        for each in found
    ]
    printer(json=output.json).table("differences", _DIFFERENCES, table)
    left = sum(each.request_id not in settled for each in found)
    if not output.json:
        say(
            f"{len(lines)} lines, {len(calls)} calls with a request id, {len(found)} differences, "
            f"of which {len(settled)} were settled."
        )
    return Exit.FAILED if left else Exit.OK


def _read_lines(bill: Path, id_column: str | None, amount_column: str | None) -> list[BillLine]:
    try:
        with bill.open(encoding="utf-8-sig", newline="") as file:
            return read_bill(file, id_column=id_column, amount_column=amount_column)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{bill} can't be read: {error.strerror}.") from error
    except BillError as error:
        raise CommandFailed(Exit.USAGE, f"{bill}: {error}.") from error


def _settle(
    settings: Settings, lines: Sequence[BillLine], calls: Sequence[ChargedCall], currency: str | None
) -> set[str]:
    """Settle the calls whose cost is not known; return their request ids."""
    recorded = [RecordedCall(call.request_id, call.cost_micro, call.settled) for call in calls]
    costs = to_settle(lines, recorded)
    keys = {(call.job_id, call.number): call.request_id for call in calls if call.request_id in costs}
    if not keys:
        return set()

    async def act(connection: AsyncConnection) -> set[tuple[UUID, int]]:
        wanted = {key: costs[request_id] for key, request_id in keys.items()}
        return await settle_calls(connection, wanted, currency)

    return {keys[key] for key in write(settings, act)}


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


def _difference(each: Difference, *, settled: bool) -> tuple[Any, ...]:
    view = each.to_json() | ({"kind": "settled"} if settled else {})
    return tuple(
        "" if view[name] is None else view[name]
        for name in ("kind", "request_id", "billed", "recorded", "line")
    )
