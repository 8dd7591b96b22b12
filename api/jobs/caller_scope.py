"""The callers whose jobs a request is about: its own; for an admin's key those of one caller, or of all."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.web.problems import Problem, invalid_field
from models.errors import NotFound
from models.ids import parse_id
from models.queries.callers import list_ids, names_of
from models.queries.short_ids import whole_id


async def callers_in_scope(connection: AsyncConnection, caller: Caller, wanted: str | None) -> Sequence[UUID]:
    """Return the callers that a request may see; with ``wanted`` the one of this id, or all of this name.

    The id may be short. Raises the 403 problem for a name without an admin's key, and the 422 problem for an
    unknown one.
    """
    if not caller.role.sees_all:
        if wanted is not None:
            raise Problem(403, "forbidden", "Only an admin's key may choose a caller.")
        return [caller.id]
    if wanted is None:
        return await list_ids(connection)
    found = await list_ids(connection, name=wanted) or await _with_id(connection, wanted)
    if not found:
        raise invalid_field("caller", "there is no caller with this name or id; see `darkroom keys list`")
    return found


async def scope_of(
    connection: AsyncConnection, caller: Caller, wanted: str | None = None
) -> Sequence[UUID] | None:
    """Return what ``callers_in_scope`` does, but ``None`` for all callers: that needs no query."""
    if wanted is None and caller.role.sees_all:
        return None
    return await callers_in_scope(connection, caller, wanted)


async def _with_id(connection: AsyncConnection, text: str) -> Sequence[UUID]:
    try:
        whole = await whole_id(connection, "caller", text, caller_id=None, field="caller")
        return list(await names_of(connection, [parse_id("caller", whole)]))
    except NotFound:
        return ()
