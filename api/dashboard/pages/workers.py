"""Workers: who is alive, since when, and how busy."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role
from models.queries.dashboard.figures import jobs_by_worker
from models.queries.workers import list_workers


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the workers with their jobs in hand."""
    services = view.services
    async with services.database.reading() as connection:
        rows = await list_workers(connection)
        busy = await jobs_by_worker(connection)
    since = services.clock() - timedelta(seconds=services.settings.worker_timeout)
    return {
        "workers": [
            {
                "row": row,
                "state": "stopping" if row.stopping_at else "alive" if row.heartbeat_at > since else "silent",
                "busy": busy.get(row.id, 0),
            }
            for row in rows
        ]
    }


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
