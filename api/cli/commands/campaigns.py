"""``darkroom campaigns``: list them, and settings that hold for all jobs of one."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cyclopts import App

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, status_text
from api.cli.render.times import shown_time
from api.cli.retry_options import Rules, rules_of

_ABOUT = "List campaigns, and change their settings."
app = App(name="campaigns", help=_ABOUT, help_format="plaintext")

_ROOT = "/v1/campaigns"
_COLUMNS = ("NAME", "KIND", "STATUS", "ITEMS", "MADE", "CHANGED", "RETRY")
_OPTIONAL = ("CHANGED", "KIND")  # left out where there is no room for them
_PAGE = 100
_WITH_PICTURE = ("made", "approved", "rejected")  # states of items


@app.command(name="list")
def list_campaigns(*, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List campaigns: those that are planned, have settings, or are named by jobs."""
    found: list[dict[str, Any]] = []
    with open_client(connection) as client:
        after: dict[str, str] | None = {}
        while after is not None:
            page = client.request("GET", _ROOT, query={**after, "limit": _PAGE})
            found += page["data"]
            after = {"after": page["next"]} if page["next"] else None
    rows = ((each, _cells(each)) for each in found)
    printer(json=output.json).table("campaigns", _COLUMNS, rows, optional=_OPTIONAL)
    return Exit.OK


@app.command
def show(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show the settings of a campaign."""
    with open_client(connection) as client:
        return _shown(client.request("GET", _address(name)), output)


@app.command(name="set")
def change(
    name: str,
    /,
    *,
    retry: Rules = (),
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Change settings of a campaign; others stay. CLASS.MEMBER=none removes one."""
    rules = rules_of(retry)
    if not rules:
        raise CommandFailed(
            Exit.USAGE, f"Name a setting: darkroom campaigns set {name} --retry no_image.attempts=3"
        )
    with open_client(connection) as client:
        return _shown(client.request("PATCH", _address(name), body={"retry": rules}), output)


def _address(name: str) -> str:
    return f"{_ROOT}/{quote(name, safe='')}"


def _shown(campaign: dict[str, Any], output: Format) -> Exit:
    printer(json=output.json).table("campaigns", _COLUMNS, [(campaign, _cells(campaign))])
    return Exit.OK


def _cells(campaign: dict[str, Any]) -> Sequence[Any]:
    rules = [
        f"{kind}.{member}={value:g}" if isinstance(value, float) else f"{kind}.{member}={value}"
        for kind, rule in campaign["retry"].items()
        for member, value in rule.items()
    ]
    items = campaign.get("items") or {}
    total, counts = items.get("total") or 0, items.get("by_status") or {}
    return (
        campaign["name"],
        campaign.get("kind", ""),
        status_text(campaign.get("status", "")),
        f"{total:,}" if total else "",
        f"{sum(counts.get(state, 0) for state in _WITH_PICTURE):,}" if total else "",
        shown_time(campaign["updated_at"]) if campaign["updated_at"] else "",
        "\n".join(rules),
    )
