"""Jobs: a filter that is fully in the address, keyset pages, and many jobs at once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from api.dashboard.figures.job_summary import summary_of
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.reader import read_jobs
from api.jobs.selection.job_conditions import ListedJobs, listed_filter, read_conditions
from api.services import ApiServices
from models.queries.dashboard.figures import OPEN_STATUSES, count_statuses
from models.states import JobStatus

_ROWS = 50
CONDITIONS = tuple(ListedJobs.model_fields)
_VIEWS = (
    (msgid("All"), ""),
    (msgid("Waiting"), "queued"),
    (msgid("In flight"), "leased,running,storing"),
    (msgid("Held"), "held"),
    (msgid("Failed"), "failed"),
    (msgid("Succeeded"), "succeeded"),
    (msgid("Cancelled"), "cancelled,expired"),
)


async def _counts(services: ApiServices, scope: UUID | None) -> Mapping[str, int]:
    async with services.database.reading() as connection:
        return await count_statuses(connection, OPEN_STATUSES, caller_id=scope)


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of jobs. Raises the 422 problem of a wrong filter."""
    given = read_conditions(view.query, CONDITIONS)
    wanted = await listed_filter(view.services.database, view.caller, given)
    found = await read_jobs(view.services, view.caller, wanted, _ROWS + 1, of=given.caller)
    page = [job.content for job in found[:_ROWS]]
    conditions = {name: view.query[name] for name in CONDITIONS if view.query.get(name)}
    counts = await shared(view, 1.0, _counts)
    return {
        "jobs": [summary_of(job, view.locale.now) for job in page],
        "following": page[-1]["id"] if len(found) > _ROWS else None,
        "conditions": conditions,
        "filters": {name: value for name, value in conditions.items() if name not in ("before", "after")},
        "views": [
            (label, statuses, sum(counts.get(each, 0) for each in statuses.split(",")) if statuses else None)
            for label, statuses in _VIEWS
        ],
        "statuses": [status.value for status in JobStatus],
        "sees_all": view.caller.role.sees_all,
    }


PAGE = Page(
    "/dashboard/jobs",
    "jobs",
    msgid("Jobs"),
    load,
    live=frozenset({"jobs"}),
    group="work",
    icon="jobs",
)
