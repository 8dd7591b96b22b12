"""``darkroom campaigns retry``: a further take of the items without a picture."""

from rich.text import Text

from api.cli.commands.campaigns.selection import Where, Yes, where_of
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import confirm, printer
from api.cli.render.campaigns import action_lines
from darkroom_client import Action
from models.campaigns.actions import RetryMode


def retry(
    name: str,
    /,
    *,
    mode: RetryMode = RetryMode.MISSING_AND_FAILED,
    where: Where = (),
    dry_run: bool = False,
    yes: Yes = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Retry items of a campaign, after it says how many, which are left and why, and what it may cost.

    Parameters
    ----------
    mode
        missing: cancelled ones, and new rows; missing-and-failed; all: also those with a picture, paid again
    dry_run
        only say what would change
    """
    chosen = where_of(where)
    with open_client(connection) as client:
        campaign = client.campaign(name)
        action = campaign.retry(mode.value, dry_run=True, where=chosen)
        if not dry_run and action.eligible:
            _check_agreed(action, yes=yes)
            action = campaign.retry(mode.value, expected_count=action.eligible, where=chosen)
            action = campaign.wait_action(action)
    printer(json=output.json).record(action.document, Text("\n".join(action_lines(action))))
    return Exit.OK


def _check_agreed(action: Action, *, yes: bool) -> None:
    words = "\n".join(action_lines(action))
    if not yes and not confirm(f"{words}\nRetry {action.eligible:,} items?"):
        raise CommandFailed(Exit.USAGE, "Nothing was changed. To retry without a question: --yes.")
