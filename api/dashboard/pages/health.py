"""Health: what is examined, what was found, and what helps."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from api.channel_status import read_channel_views
from api.dashboard.figures.notices import read_notices
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role
from models.queries.dashboard.figures import count_statuses
from models.queries.workers import list_workers
from models.states import JobStatus


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the findings, and the parts that were examined."""
    services = view.services
    async with services.database.reading() as connection:
        channels = await read_channel_views(connection, services.clock())
        workers = await list_workers(connection)
        queued = await count_statuses(connection, (JobStatus.QUEUED,))
    since = services.clock() - timedelta(seconds=services.settings.worker_timeout)
    alive = [row for row in workers if row.heartbeat_at > since]
    database, storage = (
        await services.monitor.database_error.value(),
        await services.monitor.storage_error.value(),
    )
    configured = [each for each in channels if each["configured"]]
    return {
        "notices": await read_notices(view, len(alive), channels, queued["queued"]),
        "checks": (
            (msgid("Database"), database is None, database),
            (msgid("Image store"), storage is None, storage),
            (msgid("Workers"), bool(alive), None),
            (msgid("Channels"), any(each["state"] == "open" for each in configured), None),
        ),
        "version": version("darkroom"),
        "versions": sorted({row.version for row in alive} - {version("darkroom")}),
        "dialect": "SQLite" if services.database.is_sqlite else "PostgreSQL",
        "as_of": services.changes.as_of,
    }


PAGE = Page(
    "/dashboard/health",
    "health",
    msgid("Health"),
    load,
    live=frozenset({"workers", "channels"}),
    group="machinery",
    icon="health",
    least=Role.VIEWER,
)
