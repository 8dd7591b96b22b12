"""Costs: what calls have cost, by day, channel, model, campaign or caller."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from api.cost_report import cost_view
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.services import ApiServices
from models.queries.callers import list_ids
from models.queries.money.reports import CostRow, cost_report

_BY = (
    ("day", msgid("Day")),
    ("channel", msgid("Channel")),
    ("model", msgid("Model")),
    ("campaign", msgid("Campaign")),
    ("key", msgid("Caller")),
)
_DAYS = (1, 7, 30, 90)
_FRESH = 15.0  # seconds: every call of the span is added up


async def _report(services: ApiServices, scope: UUID | None, by: str, days: int) -> Sequence[CostRow]:
    until = services.clock() + timedelta(minutes=1)
    async with services.database.reading() as connection:
        callers = [scope] if scope is not None else await list_ids(connection)
        return await cost_report(connection, callers, (by,), since=until - timedelta(days=days), until=until)


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the report that the address names."""
    by = view.query.get("by", "day")
    by = by if by in dict(_BY) else "day"
    given = view.query.get("days", "30")
    days = int(given) if given.isdigit() and int(given) in _DAYS else 30
    rows = await shared(view, _FRESH, _report, by, days)
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


PAGE = Page(
    "/dashboard/costs",
    "costs",
    msgid("Costs"),
    load,
    group="house",
    icon="costs",
    narrow=msgid("Choose fewer days."),
)
