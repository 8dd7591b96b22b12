"""Bulk actions on jobs and items, newest first."""

from collections.abc import Mapping
from typing import Any

from api.campaigns import bulk_actions
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.selection import job_actions
from models.errors import NotFound
from models.ids import parse_id

_ROWS = 50


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of actions."""
    try:
        before = parse_id("action", view.query.get("before", ""))
    except NotFound:
        before = None
    of_jobs = await job_actions.list_page(
        view.services, view.caller, statuses=(), before=before, limit=_ROWS + 1
    )
    of_items = await bulk_actions.list_page(
        view.services, view.caller, campaign=None, statuses=(), before=before, limit=_ROWS + 1
    )
    found = sorted(of_jobs + of_items, key=lambda each: str(each["id"]), reverse=True)
    return {
        "actions": found[:_ROWS],
        "following": found[_ROWS - 1]["id"] if len(found) > _ROWS else None,
        "is_later": before is not None,
    }


PAGE = Page(
    "/dashboard/actions",
    "actions",
    msgid("Actions"),
    load,
    live=frozenset({"actions"}),
    parent="jobs",
)
