"""Batch objects."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from api.openai.batches.documents import batch_document, line_counts
from models.campaigns.item_state import ItemState
from models.ids import new_id
from models.tables import openai_batches

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def row(**values: Any) -> Any:
    """Return a row in progress with three lines."""
    known = {column.name: None for column in openai_batches.c}
    ids = {name: new_id() for name in ("id", "input_file_id", "partial_output_id", "partial_error_id")}
    times = {"created_at": AT, "expires_at": AT, "in_progress_at": AT}
    given = {"status": "in_progress", "lines": 3, "error_count": 0, **ids, **times, **values}
    return SimpleNamespace(**{**known, **given})


def test_counts_are_those_of_the_items_until_they_are_written() -> None:
    states = {ItemState.MADE: 1, ItemState.FAILED: 1, ItemState.RUNNING: 1}
    assert line_counts(row(), states) == {"total": 3, "completed": 1, "failed": 1}
    assert line_counts(row(counts={"completed": 3, "failed": 0}), {}) == {
        "total": 3,
        "completed": 3,
        "failed": 0,
    }
    assert line_counts(row(in_progress_at=None), {})["total"] == 0


def test_a_batch_without_a_campaign_has_no_state_and_no_partial_files() -> None:
    shown = batch_document(
        row(status="failed", in_progress_at=None, error_count=2, errors=[{"line": 1}]), None
    )
    assert (shown["x_state"], shown["x_campaign"]) == (None, None)
    assert "x_partial_output_file_id" not in shown
    assert (shown["errors"]["object"], shown["x_error_count"]) == ("list", 2)
