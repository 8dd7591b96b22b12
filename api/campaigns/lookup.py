"""Find the campaign that a request names by its id or name, within the callers that it may see."""

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.web.problems import not_found
from models.errors import NotFound
from models.ids import parse_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.campaigns import Campaign


async def find_named(
    connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False
) -> Campaign | None:
    """Return a campaign by its id or its name; ``None``: there is none that the caller may see.

    An admin's key sees the campaigns of all callers; by a name, its own caller's first.
    """
    try:
        key = parse_id("camp", text)
    except NotFound:
        found = await campaigns.find(connection, [caller.id], name=text, lock=lock)
        if found is not None or not caller.admin:
            return found
        everyone = await callers_in_scope(connection, caller, None)
        return await campaigns.find(connection, everyone, name=text, lock=lock)
    found = await campaigns.get(connection, key, lock=lock)
    return found if found and (caller.admin or found.caller_id == caller.id) else None


async def get_named(
    connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False
) -> Campaign:
    """Return a campaign by its id or its name. Raises the 404 problem."""
    found = await find_named(connection, caller, text, lock=lock)
    if found is None:
        raise not_found(f"There is no campaign {text[:128]!r}.")
    return found
