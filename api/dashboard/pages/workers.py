"""Workers: who is alive, since when, and how busy."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role
from models.queries.dashboard.workers import read_workers


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the workers with their jobs in hand."""
    services = view.services
    timeout = timedelta(seconds=services.settings.worker_timeout)
    async with services.database.reading() as connection:
        return {"workers": await read_workers(connection, services.clock(), timeout)}


PAGE = Page(
    "/dashboard/workers",
    "workers",
    msgid("Workers"),
    load,
    live=frozenset({"workers", "jobs"}),
    group="machinery",
    icon="workers",
    least=Role.VIEWER,
)
