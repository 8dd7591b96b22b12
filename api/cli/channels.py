"""``darkroom channels``: look at providers, try, pause and resume them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.agreeing import agreed
from api.cli.exits import CommandFailed, Exit
from api.cli.installation import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.printing import printer, shortened, status_text
from api.cli.trial import try_channel
from models.channels import ChannelSettings
from models.clock import now, rfc3339
from models.queries import channels as rows
from models.settings import Settings
from models.verdicts import Outcome

app = App(name="channels", help="Look at providers, try, pause and resume them.", help_format="plaintext")


@app.command(name="list")
def list_channels(
    *, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """List channels with their limits, and why one is closed."""
    found = read(settings_of(installation), rows.list_channels)
    columns = ("NAME", "STATUS", "MODELS", "PER MINUTE", "AT ONCE", "DETAIL")
    printer(json=output.json).table("channels", columns, [(_value(row), _cells(row)) for row in found])
    return Exit.OK


@app.command
def pause(
    name: str, /, *, reason: str = "by hand", installation: Installation = DEFAULT_INSTALLATION
) -> Exit:
    """Start no more calls on a channel; those under way go on.

    Parameters
    ----------
    reason
        why; shown with the jobs that wait for it
    """

    async def act(connection: AsyncConnection) -> bool:
        return await rows.pause(connection, name, reason, now())

    return _found(name, write(settings_of(installation), act))


@app.command
def resume(name: str, /, *, installation: Installation = DEFAULT_INSTALLATION) -> Exit:
    """Open a channel again, whatever had closed it: a pause, a cool-down, a refused key."""

    async def act(connection: AsyncConnection) -> bool:
        return await rows.resume(connection, name, now())

    return _found(name, write(settings_of(installation), act))


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
    """Make one real call on a channel and say what came of it. The provider charges it.

    Parameters
    ----------
    model
        the model to draw with; needed when the channel serves any
    prompt
        what to draw
    yes
        don't ask before
    """
    channel = _configured(settings_of(installation), name)
    chosen = model or next((known for known in channel.models if not known.endswith("*")), None)
    if chosen is None:
        raise CommandFailed(
            Exit.USAGE, f"{name} serves {', '.join(channel.models)}: say which model with -m."
        )
    if not yes and not agreed(f"This makes one real call of {chosen} on {name}, which is charged. Go on?"):
        raise CommandFailed(Exit.USAGE, "Nothing was called. Add --yes to make the call, which is charged.")
    trial = asyncio.run(try_channel(channel, chosen, prompt))
    printer(json=output.json).record(trial.value(), trial.view())
    return Exit.OK if trial.outcome is Outcome.SUCCESS else Exit.FAILED


def _configured(settings: Settings, name: str) -> ChannelSettings:
    for channel in settings.all_channels():
        if channel.name == name:
            return channel
    known = ", ".join(channel.name for channel in settings.all_channels()) or "none is configured"
    raise CommandFailed(Exit.NOT_FOUND, f"There is no channel {name!r} in the settings; known: {known}.")


def _found(name: str, found: bool) -> Exit:
    if not found:
        raise CommandFailed(Exit.NOT_FOUND, f"There is no channel {name!r}; see `darkroom channels list`.")
    return Exit.OK


def status_of(row: Row[Any], at: datetime) -> tuple[str, str]:
    """Say in one word whether a channel takes calls, and why it does not."""
    if not row.configured:
        return "not used", "the settings do not name it"
    if row.paused_at:
        return "paused", row.paused_reason or ""
    if row.tripped_at:
        return "stopped", row.tripped_reason or ""
    if row.cooldown_until and row.cooldown_until > at:
        return "cooling down", f"until {rfc3339(row.cooldown_until)}: {row.cooldown_reason or ''}"
    blocked = "; ".join(f"{model}: {why}" for model, why in (row.blocked_models or {}).items())
    return "ready", f"without {blocked}" if blocked else ""


def _value(row: Row[Any]) -> dict[str, Any]:
    status, detail = status_of(row, now())
    return {
        "name": row.name,
        "status": status,
        "detail": detail or None,
        "models": row.models,
        "rpm": row.rpm,
        "concurrency": row.concurrency,
        "last_error": row.last_error,
    }


def _cells(row: Row[Any]) -> Sequence[Any]:
    status, detail = status_of(row, now())
    limit = f"{row.rpm:g}" if row.rpm else "no limit"
    return row.name, status_text(status), shortened(", ".join(row.models), 40), limit, row.concurrency, detail
