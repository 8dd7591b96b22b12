"""Batch objects, as OpenAI's API reference shows them, with what campaigns add (members ``x_…``)."""

from collections.abc import Mapping
from typing import Any

from models.campaigns.item_state import ItemState
from models.ids import public_id
from models.openai.batch_status import FINAL, TIMES, BatchStatus
from models.openai.file_ids import file_id
from models.queries.campaigns.campaigns import Campaign

_MADE = (ItemState.MADE, ItemState.APPROVED, ItemState.REJECTED)
_FAILED = (ItemState.FAILED, ItemState.HELD, ItemState.SKIPPED)


def batch_document(
    batch: Any,
    campaign: Campaign | None,
    states: Mapping[ItemState, int] | None = None,
    *,
    spent: str | None = None,
) -> dict[str, Any]:
    """Return a batch; ``states``: the number of its lines by the state of their items.

    ``spent``: why the budget of its caller lets no line start.
    """
    status = BatchStatus(batch.status)
    document: dict[str, Any] = {
        "id": public_id("batch", batch.id),
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": None if batch.errors is None else {"object": "list", "data": batch.errors},
        "input_file_id": file_id(batch.input_file_id),
        "completion_window": batch.completion_window,
        "status": status.value,
        "output_file_id": _file(batch.output_file_id),
        "error_file_id": _file(batch.error_file_id),
        "created_at": _seconds(batch.created_at),
        "expires_at": _seconds(batch.expires_at),
        **{name: _seconds(getattr(batch, name)) for name in TIMES.values()},
        "request_counts": line_counts(batch, states or {}),
        "usage": batch.usage,
        "metadata": batch.metadata,
        "x_campaign": public_id("batch", batch.id) if campaign is not None else None,
        "x_state": None if campaign is None or status in FINAL else _state(campaign, spent),
    }
    if batch.in_progress_at is not None:
        document["x_partial_output_file_id"] = file_id(batch.partial_output_id)
        document["x_partial_error_file_id"] = file_id(batch.partial_error_id)
    if batch.error_count:
        document["x_error_count"] = batch.error_count
        document["x_error_list_file_id"] = _file(batch.error_list_id)
    return document


def line_counts(batch: Any, states: Mapping[ItemState, int]) -> dict[str, int]:
    """Return the counts of a batch's lines; those that are final were written with its files."""
    total = {"total": batch.lines if batch.in_progress_at is not None else 0}
    if batch.counts is not None:
        return {**total, **batch.counts}
    completed = sum(states.get(state, 0) for state in _MADE)
    return {**total, "completed": completed, "failed": sum(states.get(state, 0) for state in _FAILED)}


def _state(campaign: Campaign, spent: str | None) -> dict[str, Any]:
    """Return why lines may not run now: OpenAI's statuses have no word for it."""
    return {
        "campaign_status": campaign.status,
        "paused": campaign.status == "paused",
        "reason": campaign.paused_reason or ("budget" if spent else None),
        "detail": campaign.paused_detail or spent,
    }


def _file(key: Any) -> str | None:
    return None if key is None else file_id(key)


def _seconds(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp())
