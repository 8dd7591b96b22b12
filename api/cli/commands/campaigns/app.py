"""``darkroom campaigns``: list, settings of one, and the commands of the files beside this one."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from cyclopts import App

from api.cli.commands.campaigns.control import approve, cancel, pause, resume, show, watch
from api.cli.commands.campaigns.costs import costs
from api.cli.commands.campaigns.exports import export
from api.cli.commands.campaigns.repair import retry
from api.cli.commands.campaigns.review import review
from api.cli.connection import failure_of, open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, status_text
from api.cli.render.times import shown_time
from api.cli.retry_options import Rules, rules_of
from darkroom_client import InputError
from darkroom_client.campaigns.definition import read_budget

_ABOUT = "Show, control, review and export campaigns."
app = App(name="campaigns", help=_ABOUT, help_format="plaintext")
for command in (show, watch, pause, resume, cancel, approve, retry, review, export, costs):
    app.command(command)

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


@app.command(name="set")
def change(
    name: str,
    /,
    *,
    budget: str | None = None,
    rpm: float | None = None,
    concurrency: int | None = None,
    retry_rules: Rules = (),
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Change settings of a campaign; others stay. CLASS.MEMBER=none removes a retry rule.

    Parameters
    ----------
    budget
        what its calls may cost together, such as 30USD; one that is paused for its budget goes on
    rpm
        calls per minute at most
    concurrency
        calls in flight at most
    """
    limits = {"rpm": rpm, "concurrency": concurrency}
    members = {
        "retry": rules_of(retry_rules),
        "budget": _budget_of(budget) if budget is not None else None,
        "limits": {limit: value for limit, value in limits.items() if value is not None},
    }
    change = {member: value for member, value in members.items() if value}
    if not change:
        raise CommandFailed(
            Exit.USAGE, f"Name a setting: darkroom campaigns set {name} --retry no_image.attempts=3"
        )
    with open_client(connection) as client:
        if "limits" in change:  # the other one stays
            change["limits"] = (client.request("GET", _address(name)).get("limits") or {}) | change["limits"]
        return _shown(client.request("PATCH", _address(name), body=change), output)


def _budget_of(text: str) -> dict[str, str]:
    try:
        return read_budget(text)
    except InputError as error:
        raise failure_of(error) from error


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
