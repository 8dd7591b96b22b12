"""Health: what is examined, what was found, and what helps."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from api.channel_status import read_channel_views
from api.dashboard.figures.notices import read_alerts, read_notices
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.shared_result import SharedResult
from models.api_keys import Role
from models.queries.dashboard.figures import count_statuses
from models.queries.workers import list_workers
from models.states import JobStatus

_PATIENT = 2.0  # seconds that the page waits for the findings


async def read_findings(view: PageView) -> Sequence[Any] | None:
    """Return what ``darkroom doctor`` finds; ``None``: it still examines."""
    shared: SharedResult[Sequence[Any]] | None = getattr(view.request.app.state, "findings", None)
    if shared is None:
        return ()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENT):
            return await shared.value()
    return None


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the findings, and the parts that were examined."""
    services = view.services
    async with services.database.reading() as connection:
        channels = await read_channel_views(connection, services.clock())
        workers = await list_workers(connection)
        queued = await count_statuses(connection, (JobStatus.QUEUED,))
    since = services.clock() - timedelta(seconds=services.settings.worker_timeout)
    alive = [row for row in workers if row.heartbeat_at > since]
    monitor = services.monitor
    database, storage = await monitor.database_error.value(), await monitor.storage_error.value()
    broker = await monitor.broker_error.value()
    found = await read_findings(view)
    configured = [each for each in channels if each["configured"]]
    return {
        "alerts": await read_alerts(view),
        "notices": await read_notices(view, len(alive), channels, queued["queued"]),
        "checks": (
            (msgid("Database"), database is None, database),
            (msgid("Image store"), storage is None, storage),
            (msgid("Broker"), broker is None, broker),
            (msgid("Workers"), bool(alive), None),
            (msgid("Channels"), any(each["state"] == "open" for each in configured), None),
        ),
        "findings": sorted(found, key=lambda each: each.ok) if found is not None else None,
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
