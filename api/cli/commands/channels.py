"""``darkroom channels``: show, test, pause, drain, resume and remove channels, over the API."""

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from api.channel_calls.channel_test import test_channel
from api.cli.channel_calls.style_probe import LEAST_CALLS, MOST_CALLS, Trial, probe_channel
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import settings_of
from api.cli.options import (
    DEFAULT_CONNECTION,
    DEFAULT_FORMAT,
    DEFAULT_INSTALLATION,
    Connection,
    Format,
    Installation,
)
from api.cli.output import confirm, printer
from api.cli.render.channels import CHANNEL_COLUMNS, OPTIONAL_COLUMNS, channel_cells, channel_view
from api.cli.retry_options import Duration, Until, pause_end
from models.channels import ChannelSettings
from models.clock import now
from models.outcomes import Outcome
from models.setting_scopes import help_on_settings
from models.settings import Settings

app = App(
    name="channels",
    help="Show, test, pause, drain, resume and remove channels, with an admin's key.",
    help_format="plaintext",
    help_epilogue=f"Of these commands, only test and try read settings. {help_on_settings('channels')}",
)

OneModel = Annotated[str | None, Parameter(alias="-m", help="only calls of this model")]
Reason = Annotated[str, Parameter(help="why; shown with the jobs that wait for the channel")]


@app.command(name="list")
def list_channels(*, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List channels: state, current rate beside the limits, and why one is closed."""
    with open_client(connection) as client:
        views = [channel.document for channel in client.channels.list()]
    table = [(view, channel_cells(view, now())) for view in views]
    printer(json=output.json).table("channels", CHANNEL_COLUMNS, table, optional=OPTIONAL_COLUMNS)
    return Exit.OK


@app.command
def show(
    name: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show one channel: limits, learned limits, breakers, last error."""
    with open_client(connection) as client:
        view = client.channels.get(name).document
    printer(json=output.json).record(view, channel_view(view, now()))
    return Exit.OK


@app.command
def pause(
    name: str,
    /,
    *,
    model: OneModel = None,
    reason: Reason = "by hand",
    until: Until = None,
    duration: Duration = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Start no more calls on a channel; calls in flight go on."""
    with open_client(connection) as client:
        client.channels.pause(name, model=model, reason=reason, **pause_end(until, duration))
    return Exit.OK


@app.command
def drain(
    name: str,
    /,
    *,
    model: OneModel = None,
    reason: Reason = "by hand",
    until: Until = None,
    duration: Duration = None,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Start no more calls on a channel, and show it as drained once none is in flight."""
    with open_client(connection) as client:
        client.channels.pause(name, model=model, reason=reason, drain=True, **pause_end(until, duration))
    return Exit.OK


@app.command
def resume(
    name: str,
    /,
    *,
    model: OneModel = None,
    forget: Annotated[bool, Parameter(negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Open a channel again after a pause, a cool-down, failures or a refused key.

    Parameters
    ----------
    forget
        also clear the learned limits, and what the limits have counted
    """
    with open_client(connection) as client:
        client.channels.resume(name, model=model, forget=forget)
    return Exit.OK


@app.command
def remove(name: str, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Delete a channel that no live worker has in its settings, with its pause and its learned limits."""
    with open_client(connection) as client:
        client.channels.remove(name)
    return Exit.OK


@app.command(name="test")
def try_out(
    name: str,
    /,
    *,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    prompt: str = "a small red circle on white",
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Make one real call on a channel and print its result. The provider charges it.

    The channel is taken from the settings; neither the API nor the database is needed.

    Parameters
    ----------
    model
        the model to call; needed when the channel serves any
    prompt
        the prompt
    yes
        skip the confirmation
    """
    channel = _configured(settings_of(installation), name)
    chosen = _chosen_model(channel, model)
    if not yes and not confirm(
        f"This makes one real call of {chosen} on {name}, which is charged. Continue?"
    ):
        raise CommandFailed(Exit.USAGE, "Nothing was called. Add --yes to make the call, which is charged.")
    test = asyncio.run(test_channel(channel, chosen, prompt))
    printer(json=output.json).record(test.value(), test.view())
    return Exit.OK if test.outcome is Outcome.SUCCESS else Exit.FAILED


@app.command(name="try")
def try_styles(
    name: str,
    /,
    *,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    prompt: str = "one even area of bright turquoise, from edge to edge, and nothing else",
    all_styles: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Find out by small real calls how a channel reads a request. The provider charges them.

    The channel is taken from the settings; neither the API nor the database is needed.

    Tries the form of the content, modalities, the place of the size, the number of images, and input images,
    and prints the lines for the channel in darkroom.toml.

    Parameters
    ----------
    model
        the model to call; needed when the channel serves any
    prompt
        the prompt
    all_styles
        try every style, not only until one is understood
    yes
        skip the confirmation
    """
    settings = settings_of(installation)
    channel = _configured(settings, name)
    chosen = _chosen_model(channel, model)
    count = f"up to {MOST_CALLS}" if all_styles else f"{LEAST_CALLS} to {MOST_CALLS}"
    question = f"This makes {count} real calls of {chosen} on {name}, each of which is charged. Continue?"
    if not yes and not confirm(question):
        raise CommandFailed(Exit.USAGE, "Nothing was called. Add --yes to make the calls, which are charged.")
    report = asyncio.run(probe_channel(channel, chosen, prompt, settings, every=all_styles))
    printing = printer(json=output.json)
    rows_shown = [(trial.to_json(), _trial_cells(trial)) for trial in report.trials]
    printing.table("styles", ("SETTING", "STYLE", "UNDERSTOOD", "RESULT"), rows_shown)
    printing.record({"settings": report.settings}, f"\nFor the channel in darkroom.toml:\n\n{report.toml()}")
    return Exit.OK


def _trial_cells(trial: Trial) -> tuple[str, str, str, str]:
    return trial.setting, trial.value, "yes" if trial.understood else "no", trial.found


def _chosen_model(channel: ChannelSettings, model: str | None) -> str:
    """Return the model to call: the given one, or the first that the channel names in full."""
    chosen = model or next((known for known in channel.models if not known.endswith("*")), None)
    if chosen is None:
        raise CommandFailed(
            Exit.USAGE, f"{channel.name} serves {', '.join(channel.models)}: name one with -m."
        )
    return chosen


def _configured(settings: Settings, name: str) -> ChannelSettings:
    for channel in settings.all_channels():
        if channel.name == name:
            return channel
    known = ", ".join(channel.name for channel in settings.all_channels()) or "none is configured"
    raise CommandFailed(Exit.NOT_FOUND, f"There is no channel {name!r} in the settings; known: {known}.")
