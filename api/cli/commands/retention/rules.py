"""``darkroom retention``: how long ended jobs are kept, by settings, caller and campaign."""

from typing import Any

from cyclopts import App
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer
from models.errors import InvalidRequest
from models.operations.retention import DEFAULT, RetentionKind, read_period, rules_of
from models.queries.callers import callers_named
from models.queries.operations.retention_rules import OwnRules, list_rules, set_rules

app = App(name="retention", help="Show and change how long ended jobs are kept.", help_format="plaintext")
_KINDS = ", ".join(RetentionKind)


@app.command
def show(*, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT) -> Exit:
    """Show the periods of the settings, and those of callers and campaigns that differ."""
    settings = settings_of(installation)
    own = read(settings, list_rules)
    defaults = {kind.value: _seconds(period) for kind, period in rules_of(settings).items()}
    out = printer(json=output.json)
    lines = ["settings: " + _shown(defaults)]
    lines += [f"{each.place}: {_shown(each.rules)}" for each in own]
    document = {"settings": defaults, "rules": [{"of": each.place, **each.rules} for each in own]}
    out.record(document, "\n".join(lines))
    return Exit.OK


@app.command(name="set")
def set_(
    *rules: str,
    caller: str,
    campaign: str | None = None,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Set periods of a caller, or of one of its campaigns; others stay.

    Parameters
    ----------
    rules
        KIND=PERIOD: jobs, events, attempts, answers, prompts, pictures or thumbnails;
        30d, 12h, keep, or default
    caller
        name or id of the caller
    campaign
        name of its campaign
    """
    changes = dict(_rule(rule) for rule in rules)

    async def act(connection: AsyncConnection) -> OwnRules | None:
        found = await callers_named(connection, caller)
        if len(found) != 1:
            raise CommandFailed(Exit.NOT_FOUND, f"--caller {caller}: there is no such caller, or several.")
        return await set_rules(connection, found[0][0], campaign, changes)

    settings = settings_of(installation)
    own = write(settings, act)
    if own is None:
        raise CommandFailed(Exit.NOT_FOUND, f"--campaign {campaign}: the caller has no such campaign.")
    printer(json=output.json).record({"of": own.place, **own.rules}, f"{own.place}: {_shown(own.rules)}")
    return Exit.OK


def _rule(text: str) -> tuple[str, float | str | None]:
    kind, equals, period = text.partition("=")
    if not equals or kind not in set(RetentionKind):
        raise CommandFailed(Exit.USAGE, f"{text}: write KIND=PERIOD; kinds are {_KINDS}.")
    try:
        return kind, None if period == DEFAULT else read_period(kind, period)
    except InvalidRequest as error:
        raise CommandFailed(Exit.USAGE, f"{text}: {error.message}, or {DEFAULT}.") from error


def _seconds(period: Any) -> float | str:
    return "keep" if period is None else period.total_seconds()


def _shown(rules: Any) -> str:
    """Return rules as a line; periods of whole days in days."""
    return ", ".join(f"{kind} {_period(value)}" for kind, value in sorted(rules.items())) or "as the settings"


def _period(value: float | str) -> str:
    if isinstance(value, str):
        return value
    days = value / 86_400
    return f"{days:g} days" if days >= 1 else f"{value:g} s"
