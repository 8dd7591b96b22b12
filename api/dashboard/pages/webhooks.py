"""Webhooks: endpoints, and the newest deliveries with what the receivers answered."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.webhooks.lists import read_deliveries, read_webhooks
from models.ids import public_id

_ENDPOINTS, _DELIVERIES = 200, 50


async def load(view: PageView) -> Mapping[str, Any]:
    """Return endpoints and deliveries of the scope of the caller."""
    services, caller = view.services, view.caller
    async with services.database.reading() as connection:
        endpoints = await read_webhooks(connection, caller, services.cipher, limit=_ENDPOINTS)
        deliveries = await read_deliveries(connection, caller, limit=_DELIVERIES)
    return {
        "endpoints": endpoints.documents,
        "deliveries": deliveries.documents,
        "own": public_id("caller", caller.id),
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
