"""``darkroom campaigns review``: verdicts on many items, or one after the other."""

import sys
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from api.cli.commands.campaigns.selection import Where, where_of
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, read_answer, say, shortened
from api.cli.render.campaigns import action_lines
from darkroom_client import Action, Campaign
from darkroom_client.documents import Document
from darkroom_client.exchange.http_transport import SyncTransport

Keys = Annotated[tuple[str, ...], Parameter(negative="")]
_ANSWERS = {"p": "pick", "r": "reject"}
_QUESTION = "pick, reject, skip, undo or quit? [p/r/s/u/q]"


def review(
    name: str,
    /,
    *,
    pick: Keys = (),
    reject: Keys = (),
    unjudge: Keys = (),
    where: Where = (),
    verdict: str | None = None,
    reason: str | None = None,
    undo: Annotated[bool, Parameter(negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Pick or reject pictures: of named items, of all that match, or one after the other on a terminal.

    Parameters
    ----------
    pick
        key or id of an item whose picture is good; repeatable
    reject
        key or id of an item whose picture is not; repeatable
    unjudge
        key or id of an item that is to be without a verdict; repeatable
    verdict
        with --where: pick, reject or none
    reason
        stored with the verdicts
    undo
        undo the last verdicts of the key
    """
    named = {"pick": pick, "reject": reject, "none": unjudge}
    if bool(where) != (verdict is not None):
        raise CommandFailed(
            Exit.USAGE, "--where and --verdict go together: --where status=made --verdict pick"
        )
    if verdict is not None and verdict not in named:
        raise CommandFailed(Exit.USAGE, f"--verdict {verdict}: write pick, reject or none.")
    with open_client(connection) as client:
        campaign = client.campaign(name)
        if not (undo or where or any(named.values())):
            return _one_by_one(campaign)
        done = [campaign.undo_verdicts()] if undo else []
        done += [
            campaign.give_verdict(each, list(items), reason=reason) for each, items in named.items() if items
        ]
        if verdict is not None:
            done.append(campaign.give_verdict(verdict, where=where_of(where), reason=reason))
    for action in done:
        printer(json=output.json).record(action.document, Text("\n".join(action_lines(action))))
    return Exit.OK


def _one_by_one(campaign: Campaign[SyncTransport]) -> Exit:
    """Ask about each item without a verdict, with the address of its picture."""
    if not sys.stdin.isatty():
        raise CommandFailed(
            Exit.USAGE, "Name items: --pick KEY, --reject KEY, or --where status=made --verdict pick."
        )
    after: str | None = None
    while (found := campaign.next_review(after=after))["item"] is not None:
        item = found["item"]
        after = item["id"]
        _show(item, found["unjudged"])
        match read_answer(_QUESTION):
            case "p" | "r" as answer:
                campaign.give_verdict(_ANSWERS[answer], [item["id"]])
            case "s":
                pass
            case "u":
                _undo(campaign)
                after = None
            case _:
                return Exit.OK
    say("No item is left without a verdict.")
    return Exit.OK


def _undo(campaign: Campaign[SyncTransport]) -> Action:
    undone = campaign.undo_verdicts()
    say(f"{undone.done:,} undone")
    return undone


def _show(item: Document, unjudged: int) -> None:
    take = item["takes"][-1]
    say(f"\n{item['key']} {item['variant']} ({unjudged:,} left): {shortened(take['prompt'], 100)}")
    for asset in take["assets"]:
        say(f"  {asset['url']}")
