"""Short ids: which object a unique beginning of an id stands for, among those of one caller."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import InvalidRequest
from models.ids import Kind, public_id, short_range
from models.tables import (
    actions,
    api_keys,
    assets,
    callers,
    campaign_items,
    campaigns,
    exports,
    job_actions,
    jobs,
    webhook_deliveries,
    webhook_endpoints,
)

AMBIGUOUS = "ambiguous_id"  #: error code of a beginning that several ids have
_CANDIDATES = 5  # ids that are named if a beginning is not unique

_ITEMS = campaign_items.join(campaigns, campaigns.c.id == campaign_items.c.campaign_id)
_ACTIONS = union_all(
    select(actions.c.id, actions.c.caller_id), select(job_actions.c.id, job_actions.c.caller_id)
).subquery("of_items_and_jobs")
_SHOWN_ENDPOINT = and_(webhook_endpoints.c.url.is_not(None), webhook_endpoints.c.deleted_at.is_(None))
_TABLES: Mapping[Kind, tuple[FromClause, ColumnElement[UUID], ColumnElement[UUID]]] = {
    "job": (jobs, jobs.c.id, jobs.c.caller_id),
    "asset": (assets, assets.c.id, assets.c.caller_id),
    "webhook": (webhook_endpoints, webhook_endpoints.c.id, webhook_endpoints.c.caller_id),
    "delivery": (webhook_deliveries, webhook_deliveries.c.id, webhook_deliveries.c.caller_id),
    "camp": (campaigns, campaigns.c.id, campaigns.c.caller_id),
    "item": (_ITEMS, campaign_items.c.id, campaigns.c.caller_id),
    "action": (_ACTIONS, _ACTIONS.c.id, _ACTIONS.c.caller_id),
    "export": (exports, exports.c.id, exports.c.caller_id),
    "caller": (callers, callers.c.id, callers.c.id),
    "key": (api_keys, api_keys.c.id, api_keys.c.caller_id),
}
"""Where the ids of each kind are: the table, its key, and the owner."""


async def whole_id(
    connection: AsyncConnection, kind: Kind, text: str, *, caller_id: UUID | None, field: str
) -> str:
    """Return the whole public id that a text stands for, among the objects of a caller (``None``: of all).

    A text that is no short id, and the beginning of no id, are returned as they are. Raises
    ``InvalidRequest`` for ``field`` if several ids begin so; it names some of them.
    """
    found_range = short_range(kind, text)
    if found_range is None:
        return text
    source, key, owner = _TABLES[kind]
    query: Any = select(key).select_from(source).where(key.between(*found_range)).order_by(key)
    if caller_id is not None:
        query = query.where(owner == caller_id)
    if kind == "webhook":
        query = query.where(_SHOWN_ENDPOINT)
    found = [public_id(kind, each) for each in await connection.scalars(query.limit(_CANDIDATES + 1))]
    if len(found) > 1:
        more = ", …" if len(found) > _CANDIDATES else ""
        named = ", ".join(found[:_CANDIDATES])
        message = f"several ids begin with {text}: {named}{more}; give more of it"
        raise InvalidRequest(field, message, code=AMBIGUOUS)
    return found[0] if found else text
