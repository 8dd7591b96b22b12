"""Find the campaign that a request names by its id (whole or short) or name, within the caller's scope."""

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.web.problems import not_found
from models.errors import NotFound
from models.ids import parse_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.campaigns import Campaign
from models.queries.short_ids import whole_id

_KIND = "camp_"  # a short id without its kind is taken for a name


async def find_named(
    connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False
) -> Campaign | None:
    """Return a campaign by its id or its name; ``None``: there is none that the caller may see.

    An admin's key sees the campaigns of all callers; by a name, its own caller's first. The name of a
    campaign goes before a short id. Raises ``InvalidRequest`` for a short id that several campaigns have.
    """
    try:
        key = parse_id("camp", text)
    except NotFound:
        found = await _find_by_name(connection, caller, text, lock=lock)
        if found is not None or not text.startswith(_KIND):
            return found
        whole = await whole_id(connection, "camp", text, caller_id=caller.scope, field="name")
        return None if whole == text else await find_named(connection, caller, whole, lock=lock)
    found = await campaigns.get(connection, key, lock=lock)
    return found if found and (caller.role.sees_all or found.caller_id == caller.id) else None


async def _find_by_name(
    connection: AsyncConnection, caller: Caller, name: str, *, lock: bool
) -> Campaign | None:
    found = await campaigns.find(connection, [caller.id], name=name, lock=lock)
    if found is not None or not caller.role.sees_all:
        return found
    everyone = await callers_in_scope(connection, caller, None)
    return await campaigns.find(connection, everyone, name=name, lock=lock)


async def get_named(
    connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False
) -> Campaign:
    """Return a campaign as ``find_named`` does. Raises the 404 problem."""
    found = await find_named(connection, caller, text, lock=lock)
    if found is None:
        raise not_found(f"There is no campaign {text[:128]!r}.")
    return found
