"""``darkroom keys``: create, list, limit and revoke API keys."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from rich.text import Text
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import create_key, limit_keys, revoke_keys
from api.cli.local_database import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer, status_text
from models.clock import rfc3339
from models.ids import public_id
from models.queries.callers import list_callers
from models.setting_scopes import help_on_settings

app = App(
    name="keys",
    help="Create, list, limit and revoke API keys.",
    help_format="plaintext",
    help_epilogue=help_on_settings("keys"),
)

_LEAST, _MOST = 0.01, 1_000_000


def _limit(meaning: str) -> Parameter:
    return Parameter(help=f"{meaning}; none: no limit", allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a key, as typed."""

    rpm: Annotated[str | None, _limit("calls per minute; further ones wait")] = None
    concurrency: Annotated[str | None, _limit("calls in flight; further ones wait")] = None
    max_queued: Annotated[str | None, _limit("queued jobs; further ones are refused")] = None
    weight: Annotated[
        str | None, Parameter(help="its share, relative to other keys", allow_leading_hyphen=True)
    ] = None


DEFAULT_LIMITS = Limits()


@app.command
def create(
    name: str,
    /,
    *,
    admin: Annotated[bool, Parameter(negative="")] = False,
    given: Limits = DEFAULT_LIMITS,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Create a key and print it; it can't be shown again.

    Parameters
    ----------
    name
        a name for its user
    admin
        with operator rights: sees, pauses and resumes all channels
    """
    if not name.strip() or len(name) > 100:
        raise CommandFailed(Exit.USAGE, "A key's name has 1 to 100 characters.")

    limits = _limits(given)

    async def act(connection: AsyncConnection) -> tuple[UUID, str]:
        return await create_key(connection, name.strip(), admin=admin, limits=limits)

    made, key = write(settings_of(installation), act)
    caller_id = public_id("caller", made)
    value = {"id": caller_id, "name": name.strip(), "admin": admin, **limits, "key": key}
    view = Text(f"{key}\n\nStore it now: it is not shown again. Use it so:\n  export DARKROOM_API_KEY={key}")
    printer(json=output.json).record(value, view)
    return Exit.OK


@app.command(name="list")
def list_keys(*, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List keys. Only their first and last characters are stored."""
    found = read(settings_of(installation), list_callers)
    columns = ("ID", "NAME", "KEY", "ADMIN", "CREATED", "STATUS", "LIMITS")
    printer(json=output.json).table("keys", columns, [(_value(row), _cells(row)) for row in found])
    return Exit.OK


@app.command
def limit(
    key: str,
    /,
    *,
    given: Limits = DEFAULT_LIMITS,
    installation: Installation = DEFAULT_INSTALLATION,
) -> Exit:
    """Change limits of a key; others stay. ``none`` removes a limit.

    Parameters
    ----------
    key
        its id, or a name: all keys of that name
    """
    limits = _limits(given)
    if not limits:
        raise CommandFailed(Exit.USAGE, "Name a limit: --rpm, --concurrency, --max-queued or --weight.")

    async def act(connection: AsyncConnection) -> int:
        return await limit_keys(connection, key, limits)

    if not write(settings_of(installation), act):
        raise CommandFailed(Exit.NOT_FOUND, f"There is no key {key!r}; see `darkroom keys list`.")
    return Exit.OK


@app.command
def revoke(key: str, /, *, installation: Installation = DEFAULT_INSTALLATION) -> Exit:
    """Revoke a key.

    Parameters
    ----------
    key
        its id, or a name: all keys of that name
    """

    async def act(connection: AsyncConnection) -> int:
        return await revoke_keys(connection, key)

    if not write(settings_of(installation), act):
        raise CommandFailed(Exit.NOT_FOUND, f"There is no key {key!r} to revoke; see `darkroom keys list`.")
    return Exit.OK


def _limits(given: Limits) -> dict[str, float | None]:
    """Parse the limits: numbers, or none."""
    return {name: _number(name, text) for name, text in asdict(given).items() if text is not None}


def _number(name: str, text: str) -> float | None:
    option, whole = f"--{name.replace('_', '-')}", name in ("concurrency", "max_queued")
    if text.lower() == "none":
        return 1.0 if name == "weight" else None
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = -1
    least = 0 if name == "max_queued" else _LEAST
    if not least <= value <= _MOST:
        kind = "a whole number" if whole else "a number"
        raise CommandFailed(Exit.USAGE, f"{option} takes {kind} from {least:g} to {_MOST:,}, or none.")
    return value


def _value(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": public_id("caller", row.id),
        "name": row.name,
        "key_hint": row.key_hint,
        "admin": row.admin,
        "rpm": row.rpm,
        "concurrency": row.concurrency,
        "max_queued": row.max_queued,
        "weight": row.weight,
        "created_at": rfc3339(row.created_at),
        "revoked_at": rfc3339(row.revoked_at) if row.revoked_at else None,
    }


def _cells(row: Row[Any]) -> tuple[Any, ...]:
    status = status_text("revoked" if row.revoked_at else "ready")
    created = row.created_at.strftime("%Y-%m-%d %H:%M")
    named = (public_id("caller", row.id), row.name, row.key_hint, "yes" if row.admin else "")
    return *named, created, status, _limits_text(row)


def _limits_text(row: Row[Any]) -> str:
    limits = (
        (row.rpm, "calls/min"),
        (row.concurrency, "in flight"),
        (row.max_queued, "waiting"),
        (None if row.weight == 1 else row.weight, "weight"),
    )
    return ", ".join(f"{value:g} {unit}" for value, unit in limits if value is not None)
