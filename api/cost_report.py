"""Cost report as JSON, for the API and the command line."""

from typing import Any

from models.money.money import amount_text
from models.queries.money.reports import CostRow


def cost_view(row: CostRow) -> dict[str, Any]:
    """Return one group of a report; amounts are decimal texts of its currency.

    ``reservation_error``: by how much what was reserved exceeded what was charged, as a share of the latter;
    ``null`` without such calls. ``cost_per_approved``: what all its calls have cost, by approved pictures.
    """
    cost = row.made_cost + row.failed_cost
    error = (row.estimated - row.charged) / row.charged if row.charged else None
    return {
        **row.group,
        "currency": row.currency,
        "calls": row.calls,
        "made": {"calls": row.made, "cost": amount_text(row.made_cost)},
        "failed_but_charged": {"calls": row.failed, "cost": amount_text(row.failed_cost)},
        "unknown": {"calls": row.unknown, "reserved": amount_text(row.unknown_reserved)},
        "in_flight": {"calls": row.in_flight, "reserved": amount_text(row.in_flight_reserved)},
        "cost": amount_text(cost),
        "reservation_error": None if error is None else round(error, 4),
        "approved": row.approved,
        "cost_per_approved": amount_text(round(cost / row.approved)) if row.approved else None,
    }
