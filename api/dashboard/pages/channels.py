"""Channels: state, limits and recent calls of each provider endpoint."""

from collections.abc import Mapping
from typing import Any

from api.channel_status import read_channel_views
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role


async def load(view: PageView) -> Mapping[str, Any]:
    """Return all channels."""
    async with view.services.database.reading() as connection:
        channels = await read_channel_views(connection, view.services.clock())
    return {"channels": channels}


PAGE = Page(
    "/dashboard/channels",
    "channels",
    msgid("Channels"),
    load,
    live=frozenset({"channels", "jobs"}),
    group="machinery",
    icon="channels",
    least=Role.VIEWER,
)
