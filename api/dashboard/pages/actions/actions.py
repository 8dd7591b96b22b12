"""Bulk actions on jobs and items, newest first."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from api.campaigns import bulk_actions
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.selection import job_actions
from models.errors import NotFound
from models.ids import parse_id
from models.queries.dashboard.combined_reads import read_together

_ROWS = 50


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of actions."""
    try:
        before = parse_id("action", view.query.get("before", ""))
    except NotFound:
        before = None
    async with view.services.database.reading() as connection:
        of_jobs, of_items = await read_together(
            connection,
            partial(job_actions.read_page, caller=view.caller, before=before, limit=_ROWS + 1),
            partial(bulk_actions.read_page, caller=view.caller, before=before, limit=_ROWS + 1),
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
