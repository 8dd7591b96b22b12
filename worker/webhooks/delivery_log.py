"""Log of a delivery: its last attempts, each with its response or problem."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from models.clock import rfc3339
from worker.webhooks.retry_schedule import ReceiverResponse

_ENTRIES = 20  # attempts that the log of one delivery keeps


def read_log(row: Row[Any]) -> list[dict[str, Any]]:
    """Return the entries of a stored log; none if it can't be read."""
    return [entry for entry in row.log if isinstance(entry, dict)] if isinstance(row.log, list) else []


def append_entry(
    entries: Sequence[dict[str, Any]], response: ReceiverResponse, at: datetime
) -> list[dict[str, Any]]:
    """Return the entries with one for this response, without the oldest if there are too many."""
    entry = {
        "at": rfc3339(at),
        "seconds": response.seconds,
        "http_status": response.http_status,
        "problem": response.problem,
        "answer": response.body_start,
    }
    return [*entries, entry][-_ENTRIES:]
