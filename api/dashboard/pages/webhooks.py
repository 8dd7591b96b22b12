"""Webhooks: endpoints, and the newest deliveries with what the receivers answered."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.ids import public_id
from models.queries.dashboard.webhooks import list_endpoints, newest_deliveries

_ENDPOINTS, _DELIVERIES = 200, 50


async def load(view: PageView) -> Mapping[str, Any]:
    """Return endpoints and deliveries of the scope of the caller."""
    async with view.services.database.reading() as connection:
        endpoints = await list_endpoints(connection, view.caller.scope, limit=_ENDPOINTS)
        deliveries = await newest_deliveries(connection, view.caller.scope, limit=_DELIVERIES)
    return {
        "endpoints": [(row, public_id("webhook", row.id)) for row in endpoints],
        "deliveries": [
            {
                "row": row,
                "id": public_id("delivery", row.id),
                "job": public_id("job", row.job_id) if row.job_id else None,
                "last": row.log[-1] if isinstance(row.log, list) and row.log else None,
            }
            for row in deliveries
        ],
    }


PAGE = Page(
    "/dashboard/webhooks",
    "webhooks",
    msgid("Webhooks"),
    load,
    live=frozenset({"webhooks"}),
    group="house",
    icon="webhooks",
)
