"""Jobs: a filter that is fully in the address, saved views, columns, keyset pages, many jobs at once."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.cookies import COLUMNS as COLUMNS_COOKIE
from api.dashboard.figures.job_summary import summary_of
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import NARROW_FILTER, Page, PageView
from api.jobs.reader import read_jobs_and
from api.jobs.selection.job_conditions import ANY_SURFACE, AnyJobs, find_filter, read_conditions
from api.services import ApiServices
from models.queries.dashboard.figures import MOST_COUNTED, OPEN_STATUSES, count_listed, count_statuses
from models.queries.dashboard.saved_views import list_views
from models.queries.selection.job_filter import SEARCHED, JobFilter
from models.states import JobStatus

_ROWS = 50
CONDITIONS = tuple(AnyJobs.model_fields)
_PAGING = frozenset({"before"})
_COUNTABLE = frozenset(
    {"status", "campaign", "action", "ids", "fingerprint", "worker", "surface"}
)  # counted by indexes
_FIELDS = frozenset(
    {"status", "text", "model", "campaign", "tag", "error_code", "caller"}
)  # of the filter's form
_VIEWS = (
    (msgid("All"), ""),
    (msgid("Waiting"), "queued"),
    (msgid("In flight"), "leased,running,storing"),
    (msgid("Held"), "held"),
    (msgid("Failed"), "failed"),
    (msgid("Succeeded"), "succeeded"),
    (msgid("Cancelled"), "cancelled,expired"),
)
COLUMNS = {
    "picture": msgid("Picture"),
    "id": msgid("Id"),
    "model": msgid("Model"),
    "campaign": msgid("Campaign"),
    "tags": msgid("Tags"),
    "waited": msgid("Waited"),
    "ran": msgid("Ran"),
    "calls": msgid("Calls"),
    "channel": msgid("Channel"),
    "error": msgid("Error"),
    "cost": msgid("Cost"),
    "caller": msgid("Caller"),
    "created": msgid("Created"),
}
"""Columns that can be chosen, in their order; state and prompt are always shown."""
_CHOSEN = frozenset({"picture", "model", "waited", "ran", "calls", "cost", "caller", "created"})


async def _counts(services: ApiServices, scope: UUID | None) -> Mapping[str, int]:
    async with services.database.reading() as connection:
        return await count_statuses(connection, OPEN_STATUSES, caller_id=scope)


def chosen_columns(cookie: str, *, sees_all: bool) -> list[str]:
    """Return the columns that a browser has chosen, in their order; without a choice the usual ones."""
    wanted = frozenset(cookie.split(".")) & COLUMNS.keys() if cookie else _CHOSEN
    return [name for name in COLUMNS if name in wanted and (sees_all or name != "caller")]


async def _count(
    connection: AsyncConnection, view: PageView, wanted: JobFilter, filters: Mapping[str, str]
) -> int | None:
    """Return how many jobs match, up to 10,001; ``None`` where counting them would take long."""
    if not filters or not filters.keys() <= _COUNTABLE:
        return None
    return await count_listed(connection, view.caller.scope, wanted)


def _counted(counts: Mapping[str, int], statuses: str, filters: Mapping[str, str]) -> int | None:
    """Return the jobs of a view; ``None``: its states are not counted, or other conditions narrow it."""
    names = statuses.split(",")
    if not counts.keys() >= set(names) or filters.keys() - {"status", "surface"}:
        return None
    return sum(counts[each] for each in names) if filters.get("surface") in (None, ANY_SURFACE) else None


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of jobs. Raises the 422 problem of a wrong filter."""
    services, sees_all = view.services, view.caller.role.sees_all
    given = read_conditions(view.query, CONDITIONS)
    wanted = await find_filter(services, view.caller, given)
    conditions = {name: view.query[name] for name in CONDITIONS if view.query.get(name)}
    filters = {name: value for name, value in conditions.items() if name not in _PAGING}
    found, (saved, matching) = await read_jobs_and(
        services,
        view.caller,
        wanted,
        _ROWS + 1,
        partial(list_views, caller_id=view.caller.id, page="jobs"),
        partial(_count, view=view, wanted=replace(wanted, before=None), filters=filters),
        of=given.caller,
    )
    if matching is None and filters and len(found) <= _ROWS and "before" not in view.query:
        matching = len(found)
    page = [job.content for job in found[:_ROWS]]
    counts = await shared(view, 1.0, _counts)
    return {
        "jobs": [summary_of(job, view.locale.now) for job in page],
        "following": page[-1]["id"] if len(found) > _ROWS else None,
        "conditions": conditions,
        "filters": filters,
        "others": {name: value for name, value in filters.items() if name not in _FIELDS},
        "matching": matching,
        "most_counted": MOST_COUNTED,
        "searched": SEARCHED if given.text else None,
        "views": [(label, statuses, _counted(counts, statuses, filters)) for label, statuses in _VIEWS],
        "saved": [(row.name, row.query, dict(parse_qsl(row.query)) == filters) for row in saved],
        "columns": chosen_columns(view.request.cookies.get(COLUMNS_COOKIE, ""), sees_all=sees_all),
        "offered": {name: title for name, title in COLUMNS.items() if sees_all or name != "caller"},
        "statuses": [status.value for status in JobStatus],
        "sees_all": sees_all,
    }


PAGE = Page(
    "/dashboard/jobs",
    "jobs",
    msgid("Jobs"),
    load,
    live=frozenset({"jobs"}),
    group="work",
    icon="jobs",
    scripts=("jobs.js",),
    keys={"x": msgid("Mark the row")},
    narrow=NARROW_FILTER,
)
