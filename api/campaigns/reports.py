"""Reports on a campaign as JSON: fingerprints of its failures, its models side by side, and its costs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from models.campaigns.actions import WITH_PICTURE
from models.campaigns.fingerprint import normalize_words
from models.campaigns.item_state import ItemState
from models.money.money import amount_text
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.costs import WASTE, ModelCostRow, Spending, SpentRow
from models.serializers import moment
from models.states import JobStatus

_SAMPLES = 5
MOST_FINGERPRINTS = 200
S = JobStatus


def stage_of(code: str | None, outcome: str | None, model: str | None) -> str:
    """Return where an item failed: in its row, before a call, in a call, or in the storage of its picture."""
    if model is None:
        return "row"
    if code is not None and code.startswith("asset_"):
        return "store"
    return "queue" if outcome is None else "call"


def failures_document(groups: Sequence[Row[Any]]) -> dict[str, Any]:
    """Return the fingerprints, the most frequent first; failures that differ by ids and numbers are one."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in groups:
        stage, words = (
            stage_of(row.code, row.outcome, row.model),
            normalize_words(row.message or row.code or ""),
        )
        held = row.state == ItemState.HELD
        key = (stage, row.channel, row.model, row.code, words, held)
        found = merged.get(key)
        if found is None:
            members = ("stage", "channel", "model", "code", "words", "held")
            merged[key] = {
                **dict(zip(members, key, strict=True)),
                "count": row.number,
                "first": row.first,
                "last": row.last,
                "samples": [row.sample],
            }
            continue
        found["count"] += row.number
        found["first"], found["last"] = min(found["first"], row.first), max(found["last"], row.last)
        if len(found["samples"]) < _SAMPLES:
            found["samples"].append(row.sample)
    ordered = sorted(merged.values(), key=lambda each: -each["count"])
    data = [
        {**each, "first": moment(each["first"]), "last": moment(each["last"])}
        for each in ordered[:MOST_FINGERPRINTS]
    ]
    return {"data": data, "more": len(ordered) > MOST_FINGERPRINTS}


def models_document(
    results: Sequence[Row[Any]], costs: Sequence[ModelCostRow], same_items: Sequence[str]
) -> dict[str, Any]:
    """Return takes, pictures, verdicts, approval and costs of each model."""
    by_model: dict[str, dict[str, int]] = {}
    for row in results:
        counts = by_model.setdefault(
            row.model, dict.fromkeys(("takes", "pictures", "failed", "approved", "rejected", "unjudged"), 0)
        )
        counts["takes"] += row.number
        if row.status == S.SUCCEEDED:
            counts["pictures"] += row.number
            word = {"pick": "approved", "reject": "rejected"}.get(row.verdict, "unjudged")
            counts[word] += row.number
        elif row.status in (S.FAILED, S.EXPIRED):
            counts["failed"] += row.number
    return {
        "same_items": list(same_items),
        "data": [
            {
                "model": model,
                **counts,
                **_rates(counts, [each for each in costs if each.model == model]),
            }
            for model, counts in by_model.items()
        ],
    }


def _rates(counts: Mapping[str, int], costs: Sequence[ModelCostRow]) -> dict[str, Any]:
    """Return approval and costs; in one currency also as members of their own."""
    decided, approved = counts["approved"] + counts["rejected"], counts["approved"]
    priced = [each for each in costs if each.currency is not None]
    only = priced[0] if len(priced) == 1 else None
    incomplete = any(each.unknown or each.unpriced for each in costs)
    return {
        "approval": round(approved / decided, 4) if decided else None,
        "costs": [
            {
                "currency": each.currency,
                "calls": each.calls,
                "cost": amount_text(each.cost),
                "unknown": amount_text(each.unknown),
                "cost_per_approved": per_picture(each.cost, approved),
            }
            for each in priced
        ],
        "currency": only.currency if only else None,
        "cost": amount_text(only.cost) if only else None,
        "cost_per_approved": per_picture(only.cost, approved) if only else None,
        "cost_source": "unknown" if not priced else "incomplete" if incomplete else "calls",
    }


def per_picture(cost: int, pictures: int) -> str | None:
    """Return what one of so many pictures has cost, rounded to millionths; ``None``: there is none."""
    return amount_text(round(cost / pictures)) if pictures else None


def costs_document(
    campaign: Campaign, counts: Mapping[ItemState, int], spent: Sequence[SpentRow], models: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a campaign has cost: by what became of it, wasted, and for each approved picture."""
    approved = counts.get(ItemState.APPROVED, 0)
    pictures = sum(counts.get(state, 0) for state in WITH_PICTURE)
    by_currency: dict[str, list[SpentRow]] = {}
    for row in spent:
        by_currency.setdefault(row.currency, []).append(row)
    return {
        "object": "campaign_costs",
        "campaign": campaign.name,
        "items": {"pictures": pictures, "approved": approved},
        "currencies": [
            _currency_view(currency, rows, pictures, approved) for currency, rows in by_currency.items()
        ],
        "models": models["data"],
    }


def _currency_view(currency: str, rows: Sequence[SpentRow], pictures: int, approved: int) -> dict[str, Any]:
    cost = sum(row.cost for row in rows)
    wasted = sum(row.cost for row in rows if row.kind in WASTE)
    by_kind = {row.kind: row for row in rows}
    return {
        "currency": currency,
        "calls": sum(row.calls for row in rows),
        "cost": amount_text(cost),
        "in_flight": amount_text(sum(row.in_flight for row in rows)),
        "unknown": amount_text(sum(row.unknown for row in rows)),
        "by_result": {
            kind.value: amount_text(by_kind[kind].cost if kind in by_kind else 0) for kind in Spending
        },
        "waste": {"cost": amount_text(wasted), "share": round(wasted / cost, 4) if cost else None},
        "cost_per_picture": per_picture(cost, pictures),
        "cost_per_approved": per_picture(cost, approved),
    }
