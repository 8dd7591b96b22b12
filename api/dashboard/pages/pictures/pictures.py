"""The gallery: pictures of succeeded jobs by campaign, model, tag, verdict and check, in pages by key."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from api.dashboard.figures.job_summary import JobSummary, summary_of
from api.dashboard.language.locales import msgid
from api.dashboard.page import NARROW_FILTER, Page, PageView
from api.jobs.reader import read_jobs_and
from api.jobs.selection.job_conditions import AnyJobs, find_filter, read_conditions
from models.checks.findings import Check
from models.queries.dashboard.saved_views import list_views
from models.queries.selection.job_filter import JobFilter
from models.states import JobStatus

PICTURES = 60  #: of one page, unless one job has more
_CONDITIONS = tuple(name for name in AnyJobs.model_fields if name != "status")
_PAGING = frozenset({"before", "after"})
CHECKS: Mapping[str, str] = {
    Check.BLANK: msgid("Blank"),
    Check.SIZE: msgid("Wrong size"),
    Check.RATIO: msgid("Wrong ratio"),
    Check.ALPHA: msgid("Not transparent"),
    Check.DUPLICATE: msgid("Duplicate"),
    Check.NEAR_DUPLICATE: msgid("Looks the same as another"),
    Check.UNREADABLE: msgid("Unreadable"),
    Check.C2PA: msgid("Has a C2PA manifest"),
    Check.XMP: msgid("Has XMP"),
}
_VERDICTS = (("pick", msgid("Picked")), ("reject", msgid("Rejected")), ("none", msgid("Not judged")))


def fitting(jobs: Sequence[JobSummary]) -> Sequence[JobSummary]:
    """Return the first jobs, which have ``PICTURES`` pictures together at most; at least one job."""
    shown = 0
    for position, job in enumerate(jobs):
        shown += len(job.document["assets"])
        if shown > PICTURES:
            return jobs[: max(position, 1)]
    return jobs


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of pictures, newest first. Raises the 422 problem of a wrong filter."""
    given = read_conditions(view.query, _CONDITIONS)
    wanted = await find_filter(view.services, view.caller, given)
    found, (saved,) = await read_jobs_and(
        view.services,
        view.caller,
        _with_pictures(wanted),
        PICTURES + 1,
        partial(list_views, caller_id=view.caller.id, page="gallery"),
        of=given.caller,
    )
    summaries = [summary_of(job.content, view.locale.now) for job in found]
    page = fitting(summaries[:PICTURES])
    conditions = {name: view.query[name] for name in _CONDITIONS if view.query.get(name)}
    return {
        "jobs": page,
        "following": page[-1].document["id"] if len(summaries) > len(page) else None,
        "conditions": conditions,
        "filters": {name: value for name, value in conditions.items() if name not in _PAGING},
        "checks": CHECKS,
        "verdicts": _VERDICTS,
        "saved": [(row.name, row.query) for row in saved],
        "sees_all": view.caller.role.sees_all,
    }


def _with_pictures(wanted: JobFilter) -> JobFilter:
    """Return the filter of succeeded jobs, of Midjourney's tasks too."""
    return replace(wanted, statuses=(JobStatus.SUCCEEDED.value,), with_parts=True)


PAGE = Page(
    "/dashboard/gallery",
    "gallery",
    msgid("Gallery"),
    load,
    group="work",
    icon="gallery",
    scripts=("gallery.js",),
    styles=("vendor/photoswipe.css",),
    keys={
        "x": msgid("Choose the picture"),
        "c": msgid("Compare the chosen ones"),
        "f": msgid("Full size"),
        "← → ↑ ↓": msgid("To the next picture"),
    },
    narrow=NARROW_FILTER,
)
