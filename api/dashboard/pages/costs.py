"""Costs: what calls have cost, by day, channel, model, campaign or caller."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.cost_report import cost_view
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.caller_scope import callers_in_scope
from models.queries.money.reports import cost_report

_BY = (
    ("day", msgid("Day")),
    ("channel", msgid("Channel")),
    ("model", msgid("Model")),
    ("campaign", msgid("Campaign")),
    ("key", msgid("Caller")),
)
_DAYS = (1, 7, 30, 90)


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the report that the address names."""
    by = view.query.get("by", "day")
    by = by if by in dict(_BY) else "day"
    given = view.query.get("days", "30")
    days = int(given) if given.isdigit() and int(given) in _DAYS else 30
    until = view.services.clock() + timedelta(minutes=1)
    async with view.services.database.reading() as connection:
        callers = await callers_in_scope(connection, view.caller, None)
        rows = await cost_report(connection, callers, (by,), since=until - timedelta(days=days), until=until)
    reversed_days = sorted(rows, key=lambda row: row.group[by] or "", reverse=True) if by == "day" else rows
    return {
        "rows": [(row.group[by], cost_view(row)) for row in reversed_days],
        "most": max((row.made_cost + row.failed_cost for row in rows), default=0),
        "costs": [row.made_cost + row.failed_cost for row in reversed_days],
        "by": by,
        "ways": _BY,
        "days": days,
        "spans": _DAYS,
    }


PAGE = Page("/dashboard/costs", "costs", msgid("Costs"), load, group="house", icon="costs")
