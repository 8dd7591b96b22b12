"""``darkroom campaigns pause``, ``resume``, ``cancel``, ``approve``, ``watch`` and ``show``."""

from collections.abc import Callable
from typing import Any

from rich.text import Text

from api.cli.campaign_run.progress import RunProgress
from api.cli.commands.campaigns.selection import Yes
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import confirm, printer, say
from api.cli.render.campaigns import failure_lines, state_lines
from api.cli.retry_options import Duration, Until, pause_end
from darkroom_client import CampaignState, RetryPolicy

_LONG = RetryPolicy(attempts=30)  # ten minutes
_NEEDS = {
    "start": "darkroom run SHEET -o FOLDER --name",
    "approval": "darkroom campaigns approve",
    "budget": "darkroom campaigns set --budget",
    "resume": "darkroom campaigns resume",
    "held": "darkroom jobs held --campaign",
}


def show(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show a campaign: its state, items, money, and why items failed."""
    with open_client(connection) as client:
        state = client.campaign(name).state()
        lines = [*state_lines(state)]
        if state.by_status.get("failed", 0) + state.by_status.get("held", 0):
            lines += [f"         {line}" for line in failure_lines(client.campaign(name).failures())]
    _print(state, lines, output)
    return Exit.OK


def pause(
    name: str,
    /,
    *,
    reason: str | None = None,
    until: Until = None,
    duration: Duration = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Pause a campaign: no further call is made; calls under way finish.

    Parameters
    ----------
    reason
        why, shown with the campaign and its jobs
    """
    end = pause_end(until, duration)
    return _act(connection, output, lambda client: client.campaign(name).pause(reason, **end))


def resume(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Resume a paused campaign."""
    return _act(connection, output, lambda client: client.campaign(name).resume())


def approve(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Approve the canary of a campaign: all other items start."""
    return _act(connection, output, lambda client: client.campaign(name).approve())


def cancel(
    name: str,
    /,
    *,
    yes: Yes = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Cancel a campaign: queued jobs end, calls under way finish and count. It can't be resumed."""
    with open_client(connection) as client:
        campaign = client.campaign(name)
        state = campaign.state()
        left = state.total - state.ended
        if not yes and not confirm(f"Cancel {name}, whose last {left:,} items are not made then?"):
            raise CommandFailed(Exit.USAGE, "Nothing was changed. To cancel without a question: --yes.")
        state = campaign.cancel()
    _print(state, [*state_lines(state)], output)
    return Exit.OK


def watch(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Watch a campaign until it ends or needs a person; Ctrl-C leaves it as it is."""
    with open_client(connection, _LONG) as client, RunProgress() as progress:
        for update in client.campaign(name).watch():
            state = update.campaign
            progress.show(state)
            if state.needs and not update.ended:
                break
    _print(state, [*state_lines(state)], output)
    if state.needs:
        say(f"It waits for a person: {_NEEDS[state.needs]} {name}")
    return Exit.OK if state.status == "finished" and state.made == state.total else Exit.FAILED


def _act(connection: Connection, output: Format, act: Callable[[Any], CampaignState]) -> Exit:
    with open_client(connection) as client:
        state = act(client)
    _print(state, [*state_lines(state)], output)
    return Exit.OK


def _print(state: CampaignState, lines: list[str], output: Format) -> None:
    printer(json=output.json).record(state.document, Text("\n".join(lines)))
