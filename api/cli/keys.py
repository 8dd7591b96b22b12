"""``darkroom keys``: make, list and revoke API keys."""

from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from rich.text import Text
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.callers import make_key, revoke_keys
from api.cli.exits import CommandFailed, Exit
from api.cli.installation import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.printing import printer, status_text
from models.clock import rfc3339
from models.ids import public_id
from models.queries.callers import list_callers

app = App(name="keys", help="Make, list and revoke API keys.", help_format="plaintext")


@app.command
def create(
    name: str,
    /,
    *,
    admin: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Make a key and print it; it can't be shown again.

    Parameters
    ----------
    name
        who will use it
    admin
        it may also operate: see all channels
    """
    if not name.strip() or len(name) > 100:
        raise CommandFailed(Exit.USAGE, "A key's name has 1 to 100 characters.")

    async def act(connection: AsyncConnection) -> tuple[UUID, str]:
        return await make_key(connection, name.strip(), admin=admin)

    made, key = write(settings_of(installation), act)
    caller_id = public_id("caller", made)
    value = {"id": caller_id, "name": name.strip(), "admin": admin, "key": key}
    view = Text(f"{key}\n\nKeep it: it is not shown again. Use it so:\n  export DARKROOM_API_KEY={key}")
    printer(json=output.json).record(value, view)
    return Exit.OK


@app.command(name="list")
def list_keys(*, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List keys by name. Only their first and last characters are known."""
    found = read(settings_of(installation), list_callers)
    columns = ("ID", "NAME", "KEY", "ADMIN", "CREATED", "STATUS")
    printer(json=output.json).table("keys", columns, [(_value(row), _cells(row)) for row in found])
    return Exit.OK


@app.command
def revoke(key: str, /, *, installation: Installation = DEFAULT_INSTALLATION) -> Exit:
    """Stop accepting a key.

    Parameters
    ----------
    key
        its id, or a name, which ends all keys of that name
    """

    async def act(connection: AsyncConnection) -> int:
        return await revoke_keys(connection, key)

    if not write(settings_of(installation), act):
        raise CommandFailed(Exit.NOT_FOUND, f"There is no key {key!r} to revoke; see `darkroom keys list`.")
    return Exit.OK


def _value(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": public_id("caller", row.id),
        "name": row.name,
        "key_hint": row.key_hint,
        "admin": row.admin,
        "created_at": rfc3339(row.created_at),
        "revoked_at": rfc3339(row.revoked_at) if row.revoked_at else None,
    }


def _cells(row: Row[Any]) -> tuple[Any, ...]:
    status = status_text("revoked" if row.revoked_at else "ready")
    created = row.created_at.strftime("%Y-%m-%d %H:%M")
    return public_id("caller", row.id), row.name, row.key_hint, "yes" if row.admin else "", created, status
