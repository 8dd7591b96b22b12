"""Reports on a campaign as JSON: fingerprints of its failures, and its models side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from models.campaigns.fingerprint import normalize_words
from models.campaigns.item_state import ItemState
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


def models_document(results: Sequence[Row[Any]], same_items: Sequence[str]) -> dict[str, Any]:
    """Return takes, pictures, verdicts and the approval of each model; costs are not known yet."""
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
        "data": [{"model": model, **counts, **_rates(counts)} for model, counts in by_model.items()],
    }


def _rates(counts: Mapping[str, int]) -> dict[str, Any]:
    decided = counts["approved"] + counts["rejected"]
    approval = round(counts["approved"] / decided, 4) if decided else None
    return {"approval": approval, "cost_per_approved": None, "cost_source": "unknown"}
