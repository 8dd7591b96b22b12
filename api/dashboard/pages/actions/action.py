"""One bulk action: how far it is, what it left and why, and its end."""

from collections.abc import Mapping
from typing import Any

from api.campaigns import bulk_actions
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.dashboard.pages.actions.new_action import MEANINGS
from api.jobs.selection import job_actions
from models.queries.dashboard.audit import list_entries


async def load(view: PageView) -> Mapping[str, Any]:
    """Return an action with its progress. Raises ``NotFound``."""
    text = view.request.path_params["action_id"]
    action = await job_actions.get_action(view.services, view.caller, text)
    if action is None:
        action = await bulk_actions.get_action(view.services, view.caller, text)
    async with view.services.database.reading() as connection:
        audit = await list_entries(connection, limit=20, target=action["id"])
    through = action["eligible"] - action["pending"]
    return {
        "action": action,
        "meaning": MEANINGS.get(action["kind"]) if action["of"] == "jobs" else None,
        "share": through / action["eligible"] if action["eligible"] else 1.0,
        "left": through - action["done"] - action["failed"],
        "audit": audit,
    }


PAGE = Page(
    "/dashboard/actions/{action_id}",
    "action",
    msgid("Action"),
    load,
    live=frozenset({"actions"}),
    parent="jobs",
)
