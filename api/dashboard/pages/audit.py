"""Audit: who changed what, through which surface, and how it was before and after."""

from collections.abc import Mapping
from typing import Any

from api.access.audit_log import LONGEST_FILTER, READERS, read_audit
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView

_ROWS = 50


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of the log, newest first."""
    before = view.query.get("before", "")
    filters = {name: view.query[name][:LONGEST_FILTER] for name in ("by", "target") if view.query.get(name)}
    async with view.services.database.reading() as connection:
        found = await read_audit(
            connection,
            limit=_ROWS,
            before=int(before) if before.isdigit() and len(before) < 19 else None,
            by=filters.get("by"),
            target=filters.get("target"),
        )
    return {
        "entries": found.entries,
        "following": found.following,
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
    least=READERS,
)
