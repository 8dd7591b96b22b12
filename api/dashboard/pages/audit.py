"""Audit: who changed what, through which surface, and how it was before and after."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import Role
from models.queries.dashboard.audit import list_entries

_ROWS = 50
_LONGEST = 200


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of the log, newest first."""
    before = view.query.get("before", "")
    filters = {name: view.query[name][:_LONGEST] for name in ("by", "target") if view.query.get(name)}
    async with view.services.database.reading() as connection:
        found = await list_entries(
            connection,
            limit=_ROWS + 1,
            before=int(before) if before.isdigit() and len(before) < 19 else None,
            by=filters.get("by"),
            target=filters.get("target"),
        )
    return {
        "entries": found[:_ROWS],
        "following": found[_ROWS - 1].id if len(found) > _ROWS else None,
        "filters": filters,
        "is_later": bool(before),
    }


PAGE = Page(
    "/dashboard/audit",
    "audit",
    msgid("Audit"),
    load,
    live=frozenset({"audit"}),
    group="house",
    icon="audit",
    least=Role.OPERATOR,
)
